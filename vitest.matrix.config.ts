import { defineConfig } from 'vitest/config'

// Real gateways of many versions, by hand: scripts/matrix.
export default defineConfig({
  test: {
    include: ['test/**/*.matrix.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 700_000,
    globalSetup: 'test/build-once.ts',
  },
})
