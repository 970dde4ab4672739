import { type Transaction, createOptimisticAction } from '@tanstack/db'
import { ItxError, shown } from '../streams/errors.ts'

/** What an action does here at once, and what it sends. What it did here is taken back when sending fails. */
export interface ActionDefinition<TParams = unknown> {
  /** Changes collections, as they will be when the stream has it. Synchronous. */
  readonly onMutate: (params: TParams) => void
  /**
   * Sends it. What `onMutate` did is dropped when this resolves, so wait in it until the stream has said it:
   * `await db.utils.awaitTxId(txid)`; then nothing flickers.
   */
  readonly mutationFn: (params: TParams, context: ActionContext) => Promise<unknown>
}

/** What TanStack DB gives with it: the transaction with its mutations. */
export type ActionContext = Parameters<Parameters<typeof createOptimisticAction<unknown>>[0]['mutationFn']>[1]

/** `never`: of the parameters of an action nothing is known here. */
export type ActionDefinitions = Readonly<Record<string, ActionDefinition<never>>>

/** Of `onMutate` where that has any, else of `mutationFn`. */
type ParamsOf<D> = D extends { readonly onMutate: (params: infer P) => void; readonly mutationFn: infer F }
  ? unknown extends P
    ? F extends (params: infer Q, context: never) => unknown
      ? Q
      : unknown
    : P
  : unknown

export type ActionMap<A extends ActionDefinitions> = {
  readonly [K in keyof A]: (
    ...params: unknown extends ParamsOf<A[K]> ? [params?: unknown] : [params: ParamsOf<A[K]>]
  ) => Transaction
}

/** @throws BAD_REQUEST, `action`, for a definition without both functions */
export function optimisticActions<A extends ActionDefinitions>(definitions: A): ActionMap<A> {
  const actions = Object.entries(definitions).map(([name, definition]) => {
    const { onMutate, mutationFn } = (definition ?? {}) as Partial<ActionDefinition>
    if (typeof onMutate !== 'function' || typeof mutationFn !== 'function') {
      const message = `action ${shown(name)} has no onMutate or no mutationFn; both are functions`
      throw new ItxError('BAD_REQUEST', message, { reason: 'action', action: name })
    }
    return [name, createOptimisticAction<unknown>({ onMutate, mutationFn })]
  })
  return Object.freeze(Object.fromEntries(actions)) as ActionMap<A>
}
