import type { ParameterDescription } from '../../itx/handle.ts'
import { type Field, fieldOf } from './schema-text.ts'
import { Words } from './words.tsx'

/** What a method takes, each parameter with the fields that it may have. */
export function Parameters({ parameters }: { readonly parameters: readonly ParameterDescription[] }) {
  if (parameters.length === 0) return null
  const fields = parameters.map(({ name, optional, schema }) => fieldOf(name, schema, optional))
  return <Fields fields={fields} />
}

function Fields({ fields, nested = false }: { readonly fields: readonly Field[]; readonly nested?: boolean }) {
  return (
    <dl className={nested ? 'mt-1.5 grid gap-2 border-s border-bed ps-3' : 'grid gap-3'}>
      {fields.map((field) => (
        <div key={field.name} className="min-w-0">
          <dt className="flex flex-wrap items-baseline gap-x-2">
            <code className="font-mono text-base font-medium wrap-anywhere">
              {field.name}
              {field.optional && <span className="font-normal text-faint">?</span>}
              {field.optional && <span className="sr-only"> (optional)</span>}
            </code>
            <span className="font-mono text-small text-soft wrap-anywhere">{field.type}</span>
            {field.limits && <span className="text-small text-faint">{field.limits}</span>}
          </dt>
          <dd>
            {field.description && (
              <p className="text-small text-soft wrap-anywhere">
                <Words>{field.description}</Words>
              </p>
            )}
            {field.fields.length > 0 && <Fields fields={field.fields} nested />}
          </dd>
        </div>
      ))}
    </dl>
  )
}
