import { describe, expect, it } from '@jest/globals';
import { IdentitySessionError } from '../core/errors.js';
import { loadRedis } from './load-redis.js';

const failing = (code: string) => () => Promise.reject(Object.assign(new Error('no'), { code }));

describe('the package redis', () => {
  it('is loaded when it is needed', async () => {
    expect(typeof (await loadRedis()).createClient).toBe('function');
  });

  it.each(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])('is asked for where it is not installed (%s)', async (code) => {
    const error: unknown = await loadRedis(failing(code)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(IdentitySessionError);
    expect(error).toMatchObject({ code: 'CONFIGURATION_INVALID' });
    expect((error as Error).message).toContain('npm install redis');
  });

  it('is not blamed for being absent where it is broken', async () => {
    await expect(loadRedis(failing('EACCES'))).rejects.toThrow('no');
  });
});
