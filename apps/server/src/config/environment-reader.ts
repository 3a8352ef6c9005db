export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads variables one by one and collects what is wrong with them instead of stopping at the first. A variable that is
 * set to nothing counts as absent. After a problem the value read is the default, so that reading can go on.
 */
export class EnvironmentReader {
  readonly #problems: string[] = [];

  constructor(private readonly environment: Environment) {}

  get problems(): readonly string[] {
    return this.#problems;
  }

  report(problem: string): void {
    this.#problems.push(problem);
  }

  text(name: string): string | null {
    const value = this.exact(name)?.trim() ?? '';
    return value === '' ? null : value;
  }

  /** With the spaces around it, which may belong to a password. */
  exact(name: string): string | null {
    const value = this.environment[name] ?? '';
    return value === '' ? null : value;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const value = this.text(name);
    if (value === null) return fallback;
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.report(`${name} must be a whole number from ${min} to ${max}, not "${value}".`);
    return fallback;
  }

  oneOf<const T extends string>(name: string, fallback: T, known: readonly T[]): T {
    const value = this.text(name);
    if (value === null) return fallback;
    const match = known.find((candidate) => candidate === value.toLowerCase());
    if (match !== undefined) return match;
    this.report(`${name} must be one of ${known.join(', ')}, not "${value}".`);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.oneOf(name, fallback ? 'true' : 'false', ['true', 'false', 'on', 'off', '1', '0']);
    return value === 'true' || value === 'on' || value === '1';
  }

  list(name: string): string[] {
    const value = this.text(name) ?? '';
    return value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }

  /** The text of a URL with one of the protocols (`postgres:`). It may hold a password, so it is never repeated. */
  url(name: string, protocols: readonly string[]): string | null {
    const value = this.text(name);
    if (value === null) return null;
    if (URL.canParse(value) && protocols.includes(new URL(value).protocol)) return value;
    this.report(`${name} must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}.`);
    return null;
  }
}
