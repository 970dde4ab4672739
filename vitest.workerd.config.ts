import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

// Tests that run inside workerd, Cloudflare's runtime, started on this machine. A configuration of its own: the plugin
// replaces the pool that all other tests run in.

// Nothing is to be asked of, or told to, anybody outside.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] = 'false'
process.env['WRANGLER_SEND_METRICS'] = 'false'

export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: 'src/streams/storage/durable-object/workerd/wrangler.jsonc' } })],
  test: {
    name: 'workerd',
    include: ['src/**/*.workerd.test.ts'],
    testTimeout: 60_000,
  },
})
