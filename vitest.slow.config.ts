import { defineConfig } from 'vitest/config'

// The suites that boot machines, install programs or take minutes: one file at a time, since each measures
// what it does against limits of time.
export default defineConfig({
  test: {
    include: ['test/**/*.slow.test.ts'],
    fileParallelism: false,
    // These drive machines, containers and gateways of others; what passes only at the second try is printed as such.
    retry: 1,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    globalSetup: 'test/build-once.ts',
  },
})
