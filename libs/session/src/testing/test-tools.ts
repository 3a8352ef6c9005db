/**
 * What a contract needs of a test runner, so that it loads none by itself. The functions of Jest, Vitest and others
 * with the same names fit.
 */
export interface TestTools {
  readonly describe: (name: string, body: () => void) => void;
  readonly it: (name: string, body: () => Promise<void>) => void;
  readonly beforeEach: (body: () => Promise<void>) => void;
  readonly afterEach: (body: () => Promise<void>) => void;
  readonly expect: (actual: unknown) => Expectation;
}

/** The few matchers that contracts use. */
export interface Expectation {
  readonly not: Pick<Expectation, 'toBe' | 'toEqual'>;
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toMatchObject(expected: Record<string, unknown>): void;
  toBeGreaterThan(expected: number): void;
  toBeGreaterThanOrEqual(expected: number): void;
  toBeLessThanOrEqual(expected: number): void;
}
