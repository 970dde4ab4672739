// What the tests in workerd use of the platform. Its own types would redefine `fetch`, `WebSocket` and much else for the
// whole of this repository.

declare module 'cloudflare:workers' {
  export class DurableObject {
    protected readonly ctx: DurableObjectContext
    constructor(ctx: DurableObjectContext, env: unknown)
  }

  export interface DurableObjectContext {
    readonly storage: import('../object-sql.ts').ObjectStorage & { deleteAll(): Promise<void> }
    abort(reason?: string): void
  }

  export interface DurableObjectNamespace {
    newUniqueId(): object
    idFromName(name: string): object
    get(id: object): object
  }

  export const env: { readonly PROJECTS: DurableObjectNamespace }
}

declare module 'cloudflare:test' {
  import type { DurableObject, DurableObjectContext } from 'cloudflare:workers'

  /** Runs inside the object, as if its own code did. */
  export function runInDurableObject<O extends DurableObject, R>(
    stub: object,
    callback: (instance: O, ctx: DurableObjectContext) => R | Promise<R>,
  ): Promise<R>

  /** Takes the running object out of memory; what it stored stays. */
  export function evictDurableObject(stub: object): Promise<void>
}
