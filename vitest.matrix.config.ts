import { defineConfig } from 'vitest/config'

// Real gateways of many versions, by hand: scripts/matrix.
export default defineConfig({
  test: {
    include: ['test/**/*.matrix.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
    // The machine may be busy; what passes only at the second try is printed as such.
    retry: 1,
    testTimeout: 900_000,
    hookTimeout: 700_000,
    globalSetup: 'test/build-once.ts',
  },
})
