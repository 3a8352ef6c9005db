import { describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { resolveOptions } from '../../nest/options/resolve-options.js';
import { makeNodeLink } from './make-node-link.js';
import { PostgresNodeLink } from './postgres-node-link.js';
import { RedisNodeLink } from './redis-node-link.js';

const dataSource = new DataSource({ type: 'postgres', url: 'postgres://localhost/none' });
const redis = { url: 'redis://localhost' };
const LIMIT = { maxNodeMessageBytes: 65_536 };
const absent = () => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));

describe('what carries messages between nodes', () => {
  it('is PostgreSQL, or Redis where there is one, or nothing', async () => {
    const byDefault = { ...LIMIT, adapter: undefined };
    expect(await makeNodeLink(byDefault, resolveOptions({}), dataSource)).toBeInstanceOf(PostgresNodeLink);
    expect(await makeNodeLink(byDefault, resolveOptions({ redis }), dataSource)).toBeInstanceOf(RedisNodeLink);
    expect(await makeNodeLink(byDefault, resolveOptions({}), null)).toBeNull();
    expect(await makeNodeLink({ ...LIMIT, adapter: 'none' }, resolveOptions({ redis }), dataSource)).toBeNull();
  });

  it.each([
    ['postgres', '@socket.io/postgres-adapter'],
    ['redis', '@socket.io/redis-adapter'],
  ] as const)('asks for the package of %s where it is not installed', async (adapter, name) => {
    const options = resolveOptions({ redis });
    const packages = { postgres: absent, redis: absent };
    await expect(makeNodeLink({ ...LIMIT, adapter }, options, dataSource, packages)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
      message: expect.stringContaining(`npm install ${name}`),
    });
    expect(await makeNodeLink({ ...LIMIT, adapter: 'none' }, options, dataSource, packages)).toBeNull();
  });

  it('must be there', async () => {
    await expect(makeNodeLink({ ...LIMIT, adapter: 'redis' }, resolveOptions({}), dataSource)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
    await expect(makeNodeLink({ ...LIMIT, adapter: 'postgres' }, resolveOptions({}), null)).rejects.toMatchObject({
      code: 'CONFIGURATION_INVALID',
    });
  });
});
