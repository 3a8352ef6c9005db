import { describe, expect, it } from '@jest/globals';
import { resolveOptions } from '../../libs/session/src/nest/options/resolve-options.js';
import { resolveSocketsOptions } from '../../libs/session/src/sockets/resolve-sockets-options.js';

interface DocumentedOption {
  readonly path: string;
  readonly type: string;
  readonly default: string;
  readonly text: string;
}

const SCRIPT = '../../scripts/options-doc.mjs';
const { documentedOptions } = (await import(SCRIPT)) as { documentedOptions: (of: string) => DocumentedOption[] };
const MODULE = resolveOptions({ redis: { url: 'redis://localhost' } });

describe.each([
  ['IdentitySessionOptions', 40, MODULE],
  ['SessionSocketsOptions', 10, resolveSocketsOptions({}, MODULE)],
] as const)('the documented options of %s', (name, atLeast, resolved) => {
  const options = documentedOptions(name);

  it('all say what they are for', () => {
    expect(options.length).toBeGreaterThan(atLeast);
    expect(options.filter(({ text }) => text.length < 10).map(({ path }) => path)).toEqual([]);
  });

  const counted = options.filter(({ type }) => type === 'number' || type === 'boolean');
  it.each(counted)('$path has the default that is documented', (option) => {
    let real: unknown = resolved;
    for (const key of option.path.split('.')) real = (real as Record<string, unknown>)[key];
    expect(documented(option)).toBe(real);
  });
});

/** `600 000` and `7 200 000 (2 hours)` are numbers, `none` is nothing. */
function documented({ type, default: text }: DocumentedOption): unknown {
  if (type === 'boolean') return text.startsWith('true');
  const number = /^[0-9][0-9 ]*/.exec(text)?.[0].replaceAll(' ', '');
  return number === undefined ? undefined : Number(number);
}
