import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import Database from 'better-sqlite3'
import { percentile } from './figures.ts'
import { BenchDirectory } from './place.ts'

/** What a figure was measured on: without it, it says nothing. */
export function machine() {
  const [cpu] = cpus()
  const db = new Database(':memory:')
  const sqlite = db.prepare('select sqlite_version()').pluck().get() as string
  db.close()
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    sqlite,
    fdatasyncMs: fdatasyncMs(),
  }
}

/** What one write of a page that must be on the disk takes: the median and p99 of 200. */
function fdatasyncMs() {
  using directory = new BenchDirectory()
  const file = openSync(directory.file('probe'), 'w')
  const page = Buffer.alloc(4096, 7)
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now()
    writeSync(file, page)
    fdatasyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  return { p50: Number(percentile(times, 0.5).toFixed(2)), p99: Number(percentile(times, 0.99).toFixed(2)) }
}
