import { CodeBlock } from '../ui/code-block.tsx'
import { Snippets } from '../ui/snippets.tsx'
import { appendSnippets, tokenCommand } from './append-snippets.ts'

interface HowToAppendProps {
  readonly origin: string
  /** The project's slug. */
  readonly project: string
  readonly path: string
}

/** How a terminal and a program append to this very stream. */
export function HowToAppend(props: HowToAppendProps) {
  return (
    <div className="grid gap-3">
      <CodeBlock label="First a token, made on the machine of the server" code={tokenCommand(props.project)} />
      <Snippets label="Append an event" snippets={appendSnippets(props)} />
    </div>
  )
}
