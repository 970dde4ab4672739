import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where the benchmarks write: a directory of the system's temporary one, or of the disk that is to be measured. One in
 * memory would flatter everything that waits for an fsync.
 */
export const BENCH_PLACE = process.env['TRIBUTARY_BENCH_DIR'] ?? tmpdir()

const open = new Set<string>()
process.on('exit', () => open.forEach(remove))
// Interrupted, a benchmark must not leave its gigabyte behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** A directory that is gone afterwards. Use with `using`. */
export class BenchDirectory {
  readonly path = mkdtempSync(join(BENCH_PLACE, 'tributary-bench-'))

  constructor() {
    open.add(this.path)
  }

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    open.delete(this.path)
    remove(this.path)
  }
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true })
}
