import { describe, expect, it } from '@jest/globals';
import { storableData } from './storable-data.js';

describe('data that says by itself what it is as JSON', () => {
  const saying = (json: string) => ({ toJSON: () => JSON.parse(json) as unknown });

  it('is held against the same rules as what it stands for', () => {
    expect(storableData(saying('{"a":1}'))).toEqual({ a: 1 });
    for (const data of [
      saying('5'),
      saying('[]'),
      saying('null'),
      { profile: saying('{"__proto__":{"admin":true}}') },
      { profile: saying('{"deep":{"constructor":1}}') },
      { profile: saying('{"a":'.repeat(40) + '1' + '}'.repeat(40)) },
    ]) {
      expect(() => storableData(data)).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED' }));
    }
  });
});
