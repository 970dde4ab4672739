import { join } from 'node:path'
import { defineConfig } from 'drizzle-kit'
import { loadConfig } from './app.config.ts'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/control-plane/schema.ts',
  out: './drizzle',
  dbCredentials: { url: join(loadConfig().dataDir, 'control.db') },
})
