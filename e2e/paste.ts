import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Tributary } from './harness.ts'

const ROOT = join(import.meta.dirname, '..')

/** Runs what a page gives to paste, as it stands there; only the programs are the ones of this checkout. */
export function paste(
  { dataDir }: Tributary,
  code: string,
  { kind, token = '' }: { readonly kind: string; readonly token?: string },
): Promise<string> {
  const env = { ...process.env, TRIBUTARY_TOKEN: token, TRIBUTARY_DATA_DIR: dataDir }
  const cli = `'${process.execPath}' src/cli/main.ts`
  const [program, args] =
    kind === 'TypeScript'
      ? [process.execPath, ['--input-type=module-typescript', '--eval', code]]
      : ['bash', ['-c', code.replace('npm run -s tributary --', cli).replace(/^curl /, 'curl -sS --fail-with-body ')]]
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd: ROOT, env, timeout: 60_000 }, (error, stdout, stderr) =>
      error ? reject(new Error(`${kind}: ${stderr}${stdout}`, { cause: error })) : resolve(stdout),
    )
  })
}
