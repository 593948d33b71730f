import jest from 'eslint-plugin-jest';
import node from 'eslint-plugin-n';
import tseslint from 'typescript-eslint';

const templateInLog =
  "CallExpression[callee.object.name='log'][callee.property.name=/^(trace|debug|info|warn|error|fatal)$/] > TemplateLiteral";

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'coverage/**', '**/testdata/**'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    plugins: { n: node },
    languageOptions: {
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // Interfaces are async so that implementations may wait; those that need not are still right.
      '@typescript-eslint/require-await': 'off',
      // A dictionary key removed by name is the clearest way to write it in the API stand-in and codecs.
      '@typescript-eslint/no-dynamic-delete': 'off',
      'n/no-process-env': 'error',
      'n/no-extraneous-import': ['error', { allowModules: [] }],
      'no-restricted-syntax': [
        'error',
        { selector: templateInLog, message: 'log a constant message and fields' },
        {
          selector: "BinaryExpression[operator='instanceof'][right.name='Error']",
          message: 'errors cross realms: test by shape or code',
        },
      ],
      'max-lines': ['warn', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['warn', { max: 60, skipBlankLines: true, skipComments: true }],
      complexity: ['warn', 12],
      'max-params': 'off',
      '@typescript-eslint/max-params': ['warn', { max: 4 }],
      'max-depth': ['warn', 3],
    },
  },
  {
    files: ['**/*.test.ts', '**/*.conformance.ts'],
    plugins: { jest },
    rules: {
      ...jest.configs['flat/recommended'].rules,
      'jest/expect-expect': ['error', { assertFunctionNames: ['expect', 'fc.assert', 'eventually', 'expect*'] }],
      'jest/no-standalone-expect': 'off',
      'jest/no-conditional-expect': 'off',
      'max-lines-per-function': 'off',
      'max-lines': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: [
      'packages/runtime/src/config.ts',
      'packages/testkit/**',
      '**/*.test.ts',
      'tools/**',
      'cli/bin/**',
      'bench/**',
    ],
    rules: { 'n/no-process-env': 'off' },
  },
);
