import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// What a server of your own does in production: it knows the token, so that no browser has to, makes the stream, and passes
// on what its users may read and write. Here Vite is that server, and whoever can open the page may do both.
const { TRIBUTARY_URL = 'http://localhost:3000', TRIBUTARY_TOKEN = '' } = process.env
const STREAM = '/api/streams/demo/todos'
const headers = { authorization: `Bearer ${TRIBUTARY_TOKEN}` }

/** Does nothing when it is there. */
async function makeStream(): Promise<void> {
  const init = { method: 'PUT', headers: { ...headers, 'content-type': 'application/json' } }
  const response = await fetch(TRIBUTARY_URL + STREAM, init)
  if (!response.ok) throw new Error(`${TRIBUTARY_URL}${STREAM}: ${response.status} ${await response.text()}`)
}

export default defineConfig(async ({ command }) => {
  if (command === 'serve') await makeStream()
  return {
    plugins: [react()],
    // Not that of `npm run dev`, which may run beside it.
    cacheDir: 'node_modules/.vite',
    // For `vite` and for `vite preview`. This one address, and nothing below it.
    server: {
      proxy: {
        '^/api/todos(?:[?]|$)': {
          target: TRIBUTARY_URL,
          changeOrigin: true,
          headers,
          rewrite: (path: string) => path.replace('/api/todos', STREAM),
        },
      },
    },
  }
})
