/** A compiler or a test run can have a lot to say, and the first of it tells most. */
const MOST_LINES = 40;

/** Marks an error whose line is written already. */
const TOLD = Symbol('told');

/** One line for each step, as it ends. */
export class Report {
  passed = 0;
  failed = 0;

  /** Runs a step and gives its result; a failure is told, counted and thrown on. */
  async step(name, work) {
    const begunAt = performance.now();
    try {
      const result = await work();
      this.passed += 1;
      console.log(`ok    ${name} (${Math.round(performance.now() - begunAt)} ms)`);
      return result;
    } catch (error) {
      this.failed += 1;
      console.log(`FAIL  ${name}\n${indented(error instanceof Error ? error.message : String(error))}`);
      if (error instanceof Error) error[TOLD] = true;
      throw error;
    }
  }

  /** Counts what failed outside of any step. */
  failure(error) {
    if (error instanceof Error && error[TOLD] === true) return;
    this.failed += 1;
    console.log(`FAIL  ${indented(error instanceof Error ? (error.stack ?? error.message) : String(error)).trim()}`);
  }
}

function indented(text) {
  const lines = text.trimEnd().split('\n');
  const left = lines.length - MOST_LINES;
  const shown = left > 0 ? [...lines.slice(0, MOST_LINES), `… ${left} more lines`] : lines;
  return shown.map((line) => `      ${line}`).join('\n');
}
