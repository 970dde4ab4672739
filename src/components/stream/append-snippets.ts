import type { Snippet } from '../ui/snippets.tsx'
import { shellWord } from '../ui/shell-word.ts'

interface Place {
  /** The address of this instance. */
  readonly origin: string
  /** The project's slug. */
  readonly project: string
  readonly path: string
}

const EVENT = '{"type":"note","payload":{"text":"hello"}}'

/** Ready to paste: how a terminal and a program append to this very stream. */
export function appendSnippets({ origin, project, path }: Place): readonly Snippet[] {
  const curl = [
    `curl ${shellWord(`${origin}/api/streams/${project}${path}`)} \\`,
    '  -H "Authorization: Bearer $TRIBUTARY_TOKEN" \\',
    "  -H 'Content-Type: application/vnd.tributary.event+json' \\",
    `  -d '${EVENT}'`,
  ].join('\n')
  const typescript = [
    "import { connectItx } from 'tributary/client'",
    '',
    `const itx = connectItx({ url: '${origin}', project: '${project}', token: process.env.TRIBUTARY_TOKEN })`,
    `await itx.append(${literal(path)}, [{ type: 'note', payload: { text: 'hello' } }])`,
    'itx.close()',
  ].join('\n')
  const cli = [
    `echo '${EVENT}' |`,
    `  npm run -s tributary -- append ${shellWord(path)} --project ${project} --url ${origin}`,
  ].join('\n')
  return [
    { kind: 'curl', code: curl },
    { kind: 'TypeScript', code: typescript },
    { kind: 'CLI', code: cli },
  ]
}

/** Makes the token that the snippets take from the environment, beside the server. */
export function tokenCommand(project: string): string {
  return `export TRIBUTARY_TOKEN=$(npm run -s tributary -- token create --project ${project} --role editor)`
}

/** A string of JavaScript. */
function literal(text: string): string {
  return /['\\]/.test(text) ? JSON.stringify(text) : `'${text}'`
}
