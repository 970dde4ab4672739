import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where the benchmarks write: a directory of the system's temporary one, or of the disk that is to be measured. One in
 * memory would flatter everything that waits for an fsync.
 */
export const BENCH_PLACE = process.env['TRIBUTARY_BENCH_DIR'] ?? tmpdir()

/** A directory that is gone afterwards. Use with `using`. */
export class BenchDirectory {
  readonly path = mkdtempSync(join(BENCH_PLACE, 'tributary-bench-'))

  file(name: string): string {
    return join(this.path, name)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
