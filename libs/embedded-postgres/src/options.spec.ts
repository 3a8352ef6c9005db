import { describe, expect, it } from '@jest/globals';
import { resolveOptions, type EmbeddedPostgresOptions } from './options.js';

describe('resolveOptions', () => {
  it('fills in defaults, also for members that are undefined', () => {
    expect(resolveOptions({ dataDir: 'here', port: undefined, database: undefined, settings: undefined })).toEqual({
      dataDir: 'here',
      port: undefined,
      database: 'postgres',
      settings: {},
      log: expect.any(Function),
    });
  });

  it.each<[string, Record<string, unknown>]>([
    ['an empty data directory', { dataDir: '' }],
    ['port 0', { port: 0 }],
    ['a port that is not a number', { port: '5432' }],
    ['an empty database', { database: '' }],
    ['a database name that PostgreSQL would cut', { database: 'x'.repeat(64) }],
    ['a setting that smuggles in another', { settings: { 'fsync=off -c x': '1' } }],
    ['an option that does not exist', { datadir: 'here' }],
  ])('refuses %s', (_what, wrong) => {
    const options = { dataDir: 'here', ...wrong } as unknown as EmbeddedPostgresOptions;
    expect(() => resolveOptions(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });
});
