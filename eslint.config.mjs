import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Dependencies point one way: core ← store, cache, sync, redis ← nest ← sockets ← apps. `forbid` names the folders that a layer must
 * not reach; the core may import nothing from outside but node:crypto.
 */
const layer = (folder, forbid, outside) => ({
  files: [`libs/session/src/${folder}/**/*.ts`],
  ignores: ['**/*.spec.ts', '**/*.spec-support.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: `^(\\.\\./)+(${forbid.join('|')})(/|$)`,
            message: `${folder}/ must not depend on ${forbid.join(', ')} (dependencies point one way).`,
          },
          { regex: '^(\\.\\./)+index(\\.js)?$', message: 'Import the concept, not the public index.' },
          ...(outside ? [outside] : []),
        ],
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['**/dist/**', '**/dist.*/**', '**/node_modules/**', 'examples/**', 'coverage/**', '.data/**'] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-console': 'error',
    },
  },
  layer('core', ['store', 'cache', 'sync', 'redis', 'nest', 'sockets', 'testing'], {
    regex: '^(?!\\.|node:crypto$).',
    message: 'core/ is pure: it imports node:crypto and itself only.',
  }),
  layer('store', ['cache', 'sync', 'redis', 'nest', 'sockets', 'testing']),
  layer('redis', ['store', 'cache', 'sync', 'nest', 'sockets', 'testing']),
  layer('cache', ['store/postgres', 'store/memory', 'nest', 'sockets', 'testing']),
  layer('sync', ['store/postgres', 'store/memory', 'nest', 'sockets', 'testing']),
  layer('nest', ['sockets', 'testing']),
  layer('sockets', ['testing']),
  {
    files: ['apps/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: 'libs/', message: 'Applications use the library through its public entry.' }] },
      ],
    },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: {
        process: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        setTimeout: 'readonly',
        performance: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        clearTimeout: 'readonly',
        AbortSignal: 'readonly',
        setImmediate: 'readonly',
        setInterval: 'readonly',
        clearInterval: 'readonly',
      },
    },
  },
  {
    files: ['apps/server/src/example/page/*.js'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      ...tseslint.configs.disableTypeChecked.languageOptions,
      globals: {
        clearTimeout: 'readonly',
        document: 'readonly',
        fetch: 'readonly',
        FormData: 'readonly',
        setInterval: 'readonly',
        setTimeout: 'readonly',
        URLSearchParams: 'readonly',
      },
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  { files: ['**/*.mjs'], rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' } },
  { files: ['bench/**', 'scripts/**', 'test/**'], rules: { 'no-console': 'off' } },
);
