/** Native ESM; swc only strips types (tsc checks them). Cross-package imports resolve to sources by condition. */
export default {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testEnvironmentOptions: { customExportConditions: ['mesh-source', 'node', 'node-addons'] },
  testMatch: ['**/src/**/*.test.ts', '<rootDir>/bpf/tests/**/*.bpf.test.ts'],
  // A time-out is for a test that hangs, not for a busy machine.
  testTimeout: 30_000,
  modulePathIgnorePatterns: ['/dist/'],
  watchman: false,
  reporters: ['default', '<rootDir>/tools/count-reporter.mjs'],
};
