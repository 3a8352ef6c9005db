/** Everything that is wrong with the environment, told at once. The texts never repeat a secret. */
export class ConfigurationProblems extends Error {
  override readonly name = 'ConfigurationProblems';

  constructor(readonly problems: readonly string[]) {
    super(['The configuration is not valid:', ...problems.map((problem) => `  - ${problem}`)].join('\n'));
  }
}
