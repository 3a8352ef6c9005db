/** Native ESM. Every file has its own database, made from a template of one cluster that globalSetup starts. */
export default {
  rootDir: '.',
  roots: ['<rootDir>/libs', '<rootDir>/apps', '<rootDir>/test'],
  testRegex: '\\.spec\\.ts$',
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/libs/.*/dist/', '<rootDir>/examples/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^nestjs-identity-session$': '<rootDir>/libs/session/src/index.ts',
    '^nestjs-identity-session/sockets$': '<rootDir>/libs/session/src/sockets/index.ts',
    '^nestjs-identity-session/testing$': '<rootDir>/libs/session/src/testing/index.ts',
    '^@identity-session/embedded-postgres$': '<rootDir>/libs/embedded-postgres/src/index.ts',
  },
  coverageProvider: 'v8',
  globalSetup: '<rootDir>/test/support/global-setup.mjs',
  globalTeardown: '<rootDir>/test/support/global-teardown.mjs',
  testEnvironment: '<rootDir>/test/support/node-environment.mjs',
  testSequencer: '<rootDir>/test/support/longest-first.mjs',
  reporters: ['default', '<rootDir>/test/support/closing-line-reporter.mjs'],
  /** Ten times what the slowest takes where nobody else is on the machine. */
  testTimeout: 90_000,
  maxWorkers: 2,
  // Node 20 frees no file that was loaded as ES modules, and a worker that holds fifty takes twice the time for the next.
  workerIdleMemoryLimit: '500MB',
};
