const ANY_TEXT = '*';
const ANY_CHARACTER = '?';

/** What every id that matches begins with. */
export function literalPrefix(pattern: string): string {
  return pattern.slice(0, pattern.search(/[*?]|$/));
}

/** The same pattern for LIKE. */
export function likePattern(pattern: string): string {
  return pattern
    .replaceAll(/[\\%_]/g, String.raw`\$&`)
    .replaceAll(ANY_TEXT, '%')
    .replaceAll(ANY_CHARACTER, '_');
}

/** Whether an id matches the whole pattern; in a time that no pattern makes long. */
export function matchesPattern(pattern: string, id: string): boolean {
  const [signs, characters] = [Array.from(pattern), Array.from(id)];
  let [sign, character] = [0, 0];
  /** Where the last `*` was, and up to where it reaches so far: if the rest does not fit, it reaches one further. */
  let [star, reached] = [-1, 0];
  while (character < characters.length) {
    if (signs[sign] === ANY_TEXT) {
      [star, reached] = [sign, character];
      sign += 1;
    } else if (signs[sign] === ANY_CHARACTER || signs[sign] === characters[character]) {
      sign += 1;
      character += 1;
    } else if (star >= 0) {
      reached += 1;
      [sign, character] = [star + 1, reached];
    } else {
      return false;
    }
  }
  while (signs[sign] === ANY_TEXT) sign += 1;
  return sign === signs.length;
}
