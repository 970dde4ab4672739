import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Child } from './child.ts'
import type { Operations } from './reference-process.ts'

/** The published server that ours is measured beside; its packages are pinned in `package.json` of this folder. */
export type Reference = Child<Operations, { readonly port: number; readonly pid: number }>

const HERE = new URL('.', import.meta.url)

/** Starts it on a directory, and installs it before where it is missing. Stop it. */
export function startReference(dataDir: string): Promise<Reference> {
  installPeers()
  return Child.start('reference-process.ts', [dataDir])
}

/** What `package.json` of this folder pins, from the registry, without the scripts that some of it would run. */
export function installPeers(): void {
  const { dependencies } = readJson('package.json') as { dependencies: Readonly<Record<string, string>> }
  const isThere = ([name, version]: [string, string]) => {
    const manifest = `node_modules/${name}/package.json`
    return existsSync(new URL(manifest, HERE)) && (readJson(manifest) as { version: string }).version === version
  }
  // npm writes the record last: without it, an installation was interrupted.
  const isWhole = existsSync(new URL('node_modules/.package-lock.json', HERE))
  if (isWhole && Object.entries(dependencies).every(isThere)) return
  console.log('  installing the peers of the benchmarks into bench/node_modules')
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', args, { cwd: fileURLToPath(HERE), stdio: 'inherit' })
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, HERE), 'utf8'))
}
