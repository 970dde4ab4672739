import type { ObjectDescription } from '../../itx/handle.ts'

interface Branch {
  readonly object: ObjectDescription
  readonly branches: readonly Branch[]
}

/** The objects as they lead to one another, each a link to where it is described. */
export function ObjectMap({ objects }: { readonly objects: readonly ObjectDescription[] }) {
  return <Branches branches={branchesBelow(null, objects)} />
}

function Branches({ branches, nested = false }: { readonly branches: readonly Branch[]; readonly nested?: boolean }) {
  return (
    <ul className={nested ? 'branches' : ''}>
      {branches.map(({ object, branches: below }) => (
        <li key={object.name}>
          <a href={`#${object.name}`} className="block rounded-sm px-1 py-1 font-mono text-base hover:text-accent">
            {object.name}
          </a>
          {below.length > 0 && <Branches branches={below} nested />}
        </li>
      ))}
    </ul>
  )
}

/** What is reached by way of an object, but by no other in between. */
function branchesBelow(parent: ObjectDescription | null, objects: readonly ObjectDescription[]): readonly Branch[] {
  return objects
    .filter((object) => nearest(object, objects) === parent)
    .map((object) => ({ object, branches: branchesBelow(object, objects) }))
}

/** The object that another is come by: the one with the longest way that its own begins with. */
function nearest(object: ObjectDescription, objects: readonly ObjectDescription[]): ObjectDescription | null {
  return objects
    .filter((other) => object.reachedBy.startsWith(`${other.reachedBy}.`))
    .reduce<ObjectDescription | null>(
      (best, other) => (best === null || other.reachedBy.length > best.reachedBy.length ? other : best),
      null,
    )
}
