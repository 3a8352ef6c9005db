/** Ends the run with one plain line that says how many tests passed and failed. */
export default class ClosingLineReporter {
  onRunComplete(_contexts, { numPassedTests, numFailedTests, numPendingTests, numFailedTestSuites }) {
    const skipped = numPendingTests === 0 ? '' : `, ${numPendingTests} skipped`;
    // A file that does not even load has no tests that could fail.
    const failed = numFailedTests === 0 ? numFailedTestSuites : numFailedTests;
    process.stdout.write(`\n${numPassedTests} passed, ${failed} failed${skipped}\n`);
  }
}
