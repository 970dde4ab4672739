import { execFile } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHECKOUT, TestTributary, runCli, temporaryDirectory } from '../server/testing.ts'
import { FLAGS, OPTIONS } from './arguments.ts'
import { SHAPES, SHELLS, completionScript } from './completion.ts'

// The script is sourced by a real bash, and its function asked as bash asks it. Paths come from a real server.

let tributary: TestTributary
let folder: string
let env: Record<string, string>
beforeAll(async () => {
  tributary = await TestTributary.start()
  folder = temporaryDirectory()
  const program = join(folder, 'tributary')
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(CHECKOUT, 'src/cli/main.ts')}" "$@"\n`)
  chmodSync(program, 0o755)
  writeFileSync(join(folder, 'completion.bash'), completionScript('bash'))
  writeFileSync(join(folder, 'events.ndjson'), '')
  env = {
    PATH: `${folder}:/usr/bin:/bin`,
    TRIBUTARY_URL: tributary.url,
    TRIBUTARY_TOKEN: tributary.token('viewer'),
    TRIBUTARY_PROJECT: 'demo',
  }
  for (const path of ['/agents/a1/runs', '/agents/a2', '/agents/b:1', '/agents/b:2', '/notes', "/odd/it's", '/odd/a$b'])
    await tributary.streams().append(path as never, [{ type: 'a' }])
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await tributary.stop()
})

/** What bash would offer for a line with the cursor at its end. */
async function offered(line: string, variables: Record<string, string> = env): Promise<string[]> {
  // As readline parts it: at blanks, and at what COMP_WORDBREAKS has besides.
  const script = `
    source "${folder}/completion.bash"
    COMP_LINE=$1; COMP_POINT=\${#COMP_LINE}
    read -r -a COMP_WORDS <<<"\${COMP_LINE//[:=]/ & }"
    [[ $COMP_LINE == *[[:blank:]:=] ]] && COMP_WORDS+=('')
    COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
    _tributary tributary "\${COMP_WORDS[COMP_CWORD]}" ''
    ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"
    exit 0`
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', script, 'bash', line], {
    cwd: folder,
    env: variables,
  })
  expect(stderr).toBe('')
  return stdout.split('\n').slice(0, -1)
}

describe('bash', () => {
  test('completes commands', async () => {
    expect(await offered('tributary ')).toEqual(Object.keys(SHAPES))
    expect(await offered('tributary re')).toEqual(['read', 'restart'])
    expect(await offered('tributary --url http://x:1 re')).toEqual(['read', 'restart'])
  })

  test.each([
    ['tributary read --', ['--after', '--limit', '--format', '--url', '--token', '--project', '--help']],
    ['tributary read /a --f', ['--format']],
    ['tributary ls --r', ['--recursive']],
    ['tributary read /a --format ', ['ndjson', 'csv']],
    ['tributary token create --role ', ['viewer', 'editor', 'operator', 'admin']],
    ['tributary token create --role ed', ['editor']],
    ['tributary token ', ['create', 'list', 'revoke']],
    ['tributary project ', ['create', 'list']],
    ['tributary project create a --o', ['--owner']],
    ['tributary project create a --owner ', []],
    ['tributary project list --m', ['--match']],
    ['tributary completion f', ['fish']],
    ['tributary import /a --input ev', ['events.ndjson']],
    ['tributary read /a --limit ', []],
    ['tributary demo ', []],
    ['tributary nosuch ', []],
  ])('%j offers %j', async (line, expected) => expect(await offered(line)).toEqual(expected))

  test.each([
    ['tributary read ', ['/agents', '/notes', '/odd']],
    ['tributary tail /', ['/agents', '/notes', '/odd']],
    ['tributary tail /ag', ['/agents']],
    ['tributary read /agents/', ['/agents/a1', '/agents/a2', '/agents/b:1', '/agents/b:2']],
    ['tributary read --limit 3 /agents/a', ['/agents/a1', '/agents/a2']],
    ['tributary append /agents/a1/', ['/agents/a1/runs']],
    // Only what is after the colon is replaced.
    ['tributary read /agents/b:', ['1', '2']],
    ['tributary read /odd/', ['/odd/a\\$b', "/odd/it\\'s"]],
    ['tributary read /nosuch/', []],
    ['tributary scan /agents ', []],
  ])('%j offers the streams %j, live', async (line, expected) => expect(await offered(line)).toEqual(expected))

  test('asks nobody for paths while it does not know whom', async () => {
    const { TRIBUTARY_TOKEN: _, ...without } = env
    expect(await offered('tributary read /', without)).toEqual([])
  })

  test('a server that is gone is silence, not noise', async () => {
    expect(await offered('tributary read /', { ...env, TRIBUTARY_URL: 'http://127.0.0.1:9' })).toEqual([])
  })
})

test('completion knows every command of the usage, and no option that there is not', async () => {
  const { stdout } = await runCli(['help'])
  const named = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
  const known = Object.keys(SHAPES).filter((name) => name !== 'help' && name !== 'detach')
  expect([...new Set(named)].toSorted()).toEqual(known.toSorted())
  const options = Object.values(SHAPES).flatMap((shape) => shape.options ?? [])
  expect(options.filter((option) => !([...OPTIONS, ...FLAGS] as string[]).includes(option))).toEqual([])
  // Whatever there is can be completed somewhere.
  const everywhere = new Set<string>(['url', 'token', 'project', 'help'])
  expect([...OPTIONS, ...FLAGS].filter((option) => !options.includes(option) && !everywhere.has(option))).toEqual([])
})

test('the command prints the script of the shell it is told, and of no other', async () => {
  for (const shell of SHELLS) {
    const done = await runCli(['completion', shell])
    expect([done.code, done.stderr, done.stdout]).toEqual([0, '', completionScript(shell)])
  }
  for (const args of [[], ['csh'], ['bash', 'zsh']]) expect((await runCli(['completion', ...args])).code).toBe(2)
})
