import type { MethodDescription, ProjectRole } from '../../itx/handle.ts'
import { CodeBlock } from '../ui/code-block.tsx'
import { CheckIcon, CloseIcon } from '../ui/icons.tsx'
import type { Examples } from './examples.ts'
import { Parameters } from './parameters.tsx'
import { Words } from './words.tsx'

interface MethodProps {
  /** For links to it. */
  readonly id: string
  readonly method: MethodDescription
  readonly examples: Examples
  readonly role: ProjectRole
}

/** One method: what it is for, what it takes, what comes back, and how to call it. */
export function Method({ id, method, examples, role }: MethodProps) {
  const { name, summary, parameters, returns, needs } = method
  return (
    <article id={id} aria-labelledby={`${id}-name`} className="scroll-mt-4 border-t border-line py-5">
      <div className="mb-1 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1">
        <h3 id={`${id}-name`} className="font-mono text-body font-semibold wrap-anywhere">
          <a href={`#${id}`} className="inline-block rounded-sm py-0.5 hover:text-accent">
            {name}
            <span className="font-normal text-soft">({signature(method)})</span>
          </a>
        </h3>
        {needs && <Needs needs={needs} allowed={method.allowed === true} role={role} />}
      </div>
      <p className="max-w-prose text-body">
        <Words>{summary}</Words>
      </p>
      <div className="mt-3 grid gap-3">
        <Parameters parameters={parameters} />
        <p className="text-small text-soft wrap-anywhere">
          <span className="font-semibold">Answers</span> <Words>{returns}</Words>
        </p>
        <ShownExamples examples={examples} of={name} />
      </div>
    </article>
  )
}

function signature({ parameters }: MethodDescription): string {
  return parameters.map(({ name, optional }) => (optional ? `${name}?` : name)).join(', ')
}

interface NeedsProps {
  readonly needs: ProjectRole
  readonly allowed: boolean
  readonly role: ProjectRole
}

/** The role it takes, and whether the reader's is enough: by a sign and in words, not by colour alone. */
function Needs({ needs, allowed, role }: NeedsProps) {
  return (
    <span
      title={
        allowed ? `You may: it takes ${needs}, you are ${role}` : `Not for you: it takes ${needs}, you are ${role}`
      }
      className={`inline-flex items-center gap-0.5 rounded-sm border px-1 text-micro leading-5 tracking-wide ${allowed ? 'border-bed text-soft' : 'border-dashed border-edge text-faint'}`}
    >
      {allowed ? <CheckIcon className="scale-75 text-accent" /> : <CloseIcon className="scale-75" />}
      {allowed ? needs : `needs ${needs}`}
      <span className="sr-only">{allowed ? ', you may' : `, not for you as ${role}`}</span>
    </span>
  )
}

/** Folded: who reads on wants the words, who came for a command opens one. */
function ShownExamples({ examples, of }: { readonly examples: Examples; readonly of: string }) {
  const { typescript, cli, curl } = examples
  const kinds = [typescript && 'TypeScript', cli && 'CLI', curl && 'curl'].filter(Boolean)
  if (kinds.length === 0) return null
  return (
    <details className="group">
      <summary className="w-fit rounded-sm py-1 text-small text-accent hover:text-accent-deep">
        <span className="ms-1">
          {kinds.join(', ')}
          <span className="sr-only"> examples of {of}</span>
        </span>
      </summary>
      <div className="mt-2 grid gap-2">
        {typescript && <CodeBlock label="TypeScript" code={typescript} />}
        {cli && <CodeBlock label="CLI" code={cli} />}
        {curl && <CodeBlock label="curl" code={curl} />}
      </div>
    </details>
  )
}
