import { type Ref, useEffect, useState } from 'react'
import { SearchIcon } from '../ui/icons.tsx'
import { MOST_MATCHED } from './projects-search.ts'

/** While somebody types, this long after the last letter is what was typed looked for. */
const TYPED_MS = 200

interface ProjectSearchProps {
  /** What the address says is looked for. */
  readonly match: string
  /** Looks for another text; settled when the page shows what was found. */
  readonly onMatch: (match: string) => Promise<void>
  readonly field: Ref<HTMLInputElement>
}

/** Finds projects by their name or slug. Without a script it is a form that loads the page anew. */
export function ProjectSearch({ match, onMatch, field }: ProjectSearchProps) {
  /** What was typed and is not in the address yet. */
  const [typed, setTyped] = useState<string | null>(null)
  useEffect(() => {
    if (typed === null) return undefined
    const timer = setTimeout(() => {
      void onMatch(typed).then(() => setTyped((now) => (now === typed ? null : now)))
    }, TYPED_MS)
    return () => clearTimeout(timer)
  }, [typed, onMatch])
  return (
    <search>
      <form
        action="/projects"
        onSubmit={(event) => {
          event.preventDefault()
          if (typed !== null) void onMatch(typed)
        }}
        className="relative"
      >
        <span className="pointer-events-none absolute inset-y-0 start-2.5 grid place-items-center text-faint">
          <SearchIcon />
        </span>
        <input
          ref={field}
          type="search"
          name="match"
          aria-label="Find a project by its name or slug"
          placeholder="Name or slug"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={MOST_MATCHED}
          value={typed ?? match}
          onChange={(event) => setTyped(event.currentTarget.value)}
          className="field ps-8"
        />
      </form>
    </search>
  )
}
