import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

// For tests that import ONNX Runtime themselves.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

const compiled = (parser) => [
  '<rootDir>/test/support/transform.js',
  {
    jsc: {
      parser: { syntax: 'typescript', ...parser },
      transform: { react: { runtime: 'automatic', importSource: 'preact' } },
      target: 'es2022',
    },
    module: { type: 'es6' },
  },
];

// Keys that tests make, by which campaigns with plug-ins are known as the user's own, stay out of the user's configuration.
process.env.XDG_CONFIG_HOME = join(tmpdir(), `neurofuzz-test-config-${userInfo().username}`);

export default {
  testEnvironment: '<rootDir>/test/support/native-environment.js',
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: { '^.+\\.ts$': compiled({}), '^.+\\.tsx$': compiled({ tsx: true }) },
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Packages that a bench has downloaded.
  modulePathIgnorePatterns: ['<rootDir>/bench/\\.cache/'],
  testTimeout: 60_000,
  // Tests of processes wait for these about half of the time: three share two cores.
  maxWorkers: 3,
};
