/** Who did what when, in the order of the true time. */
export class SimulatedTrace {
  readonly #lines: string[] = [];

  constructor(private readonly now: () => number) {}

  note(who: string, what: string): void {
    this.#lines.push(`${this.now().toFixed(1).padStart(9)} ms  ${who.padEnd(9)} ${what}`);
  }

  lines(): readonly string[] {
    return this.#lines;
  }
}
