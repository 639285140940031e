import { defineConfig } from 'vitest/config'

// The suites that boot machines, install programs or take minutes: one file at a time, since each measures
// what it does against limits of time.
export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    globalSetup: 'test/build-once.ts',
  },
})
