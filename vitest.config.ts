import { defineConfig } from 'vitest/config'

// A configuration of its own, not that of the application: TanStack Start's plugin has no place in a test, and the
// browser tests drive a built server.

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.{ts,tsx}', 'app.config.test.ts', 'scripts/**/*.test.mjs'],
          exclude: ['**/*.browser.test.*', '**/*.crash.test.*', '**/*.workerd.test.*', '**/node_modules/**'],
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'crash',
          include: ['src/**/*.crash.test.ts', 'e2e/**/*.crash.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'conformance',
          include: ['e2e/**/*.conformance.test.ts'],
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'browser',
          include: ['e2e/**/*.browser.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
