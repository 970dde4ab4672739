/**
 * A leak, loaded before a server to see whether it would be noticed (`node bench/mixed.ts --leak BYTES`): every request that
 * the process answers leaves so many bytes behind for good.
 */
import { subscribe } from 'node:diagnostics_channel'

const bytes = Number(process.env['PLANTED_LEAK_BYTES'])
const kept: number[][] = []

subscribe('http.server.request.start', () => {
  // Of its own value: arrays that are alike would still be several.
  kept.push(Array.from({ length: bytes / 8 }, (_, i) => i + kept.length + 0.5))
})
