import { CodeBlock } from '../ui/code-block.tsx'

interface HowToAppendProps {
  readonly origin: string
  /** The project's slug. */
  readonly project: string
  readonly path: string
}

/** Ready to paste: how a program and a terminal append to this very stream. */
export function HowToAppend({ origin, project, path }: HowToAppendProps) {
  const event = '{"type":"note","payload":{"text":"hello"}}'
  const token = `export TRIBUTARY_TOKEN=$(npm run -s tributary -- token create --project ${project} --role editor)`
  const curl = [
    `curl ${quoted(`${origin}/api/streams/${project}${path}`)} \\`,
    '  -H "Authorization: Bearer $TRIBUTARY_TOKEN" \\',
    "  -H 'Content-Type: application/vnd.tributary.event+json' \\",
    `  -d '${event}'`,
  ].join('\n')
  const cli = [
    `echo '${event}' |`,
    `  npm run -s tributary -- append ${quoted(path)} --project ${project} --url ${origin}`,
  ].join('\n')
  return (
    <div className="grid gap-3">
      <CodeBlock label="Token, once, beside the server" code={token} />
      <CodeBlock label="curl" code={curl} />
      <CodeBlock label="Tributary CLI" code={cli} />
    </div>
  )
}

/** A word for a POSIX shell: paths may hold `$`, `&`, quotes and brackets. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
