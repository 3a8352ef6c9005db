import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 };
const CODE_POINTS = 0x110000 - SURROGATES.count;

/**
 * Texts of any characters, NUL and unassigned ones among them, and some that are the names of an object's own
 * properties. As `fc.string({ unit: 'binary' })`, which keeps a map of a million characters (1 s, 100 MB) to find out
 * which of these names it can write.
 */
export function anyText(
  constraints: { readonly minLength?: number; readonly maxLength?: number } = {},
): fc.Arbitrary<string> {
  const character = fc
    .integer({ min: 0, max: CODE_POINTS - 1 })
    .map((index) => String.fromCodePoint(index < SURROGATES.first ? index : index + SURROGATES.count));
  const characters = fc.array(character, constraints).map((all) => all.join(''));
  return fc.oneof({ weight: 4, arbitrary: characters }, { weight: 1, arbitrary: fc.string(constraints) });
}
