import { RpcTarget } from 'capnweb'
import { expectTypeOf, test } from 'vitest'
import type {
  ActivityApi,
  ItxApi,
  ProjectApi,
  ProjectsApi,
  ScanApi,
  StreamApi,
  StreamsApi,
  SubscriptionApi,
} from './handle.ts'
import type {
  ACTIVITY,
  ITX,
  Methods,
  OperationRow,
  PROJECT,
  PROJECTS,
  Rows,
  SCAN,
  STREAM,
  STREAMS,
  SUBSCRIPTION,
} from './operations.ts'
import type { Parameter } from './parameter.ts'
import { allowOnly, members } from './rpc-target.ts'

// Guards what only the compiler can: interface, table of operations and allowlists cannot drift apart. `tsc` is the
// test; nothing here runs.

interface TwoApi {
  one(text: string): Promise<void>
  two(): Promise<void>
}
declare const text: Parameter<string, string>
declare const row: OperationRow<readonly []>
declare const rowOfOne: OperationRow<readonly [Parameter]>

test('every method has a row, with as many parameters as it takes', () => {
  const check = () => {
    const complete: Rows<TwoApi> = { one: rowOfOne, two: row }
    // @ts-expect-error -- a method without a row
    const lacking: Rows<TwoApi> = { one: rowOfOne }
    // @ts-expect-error -- a row without a method
    const beyond: Rows<TwoApi> = { one: rowOfOne, two: row, three: row }
    // @ts-expect-error -- a parameter that its row does not check
    const unchecked: Rows<TwoApi> = { one: row, two: row }
    // @ts-expect-error -- a parameter that the method does not take
    const invented: Rows<TwoApi> = { one: rowOfOne, two: rowOfOne }
    return [complete, lacking, beyond, unchecked, invented]
  }
  expectTypeOf(check).toBeFunction()
})

/** As schemas write it: they know no `readonly`, and options that are absent may be undefined. */
type Loose<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends readonly (infer E)[]
      ? Loose<E>[]
      : { -readonly [K in keyof T]: Loose<T[K]> }

/** The parameters of which the interface allows more than the schema of the row takes. */
type Refused<Api, Table> = {
  [M in Methods<Api> & keyof Table]: Api[M] extends (...args: infer A) => unknown
    ? Table[M] extends { readonly parameters: infer P }
      ? {
          [I in keyof Required<A> & keyof P & `${number}`]: P[I] extends Parameter<unknown, infer In>
            ? [Loose<Required<A>[I]>] extends [Loose<In>]
              ? never
              : [M, I, Required<A>[I], In]
            : ['no parameter', M, I]
        }[keyof Required<A> & keyof P & `${number}`]
      : never
    : never
}[Methods<Api> & keyof Table]

test('what an interface allows, the schema of its row takes', () => {
  expectTypeOf<Refused<ItxApi, typeof ITX>>().toBeNever()
  expectTypeOf<Refused<ProjectsApi, typeof PROJECTS>>().toBeNever()
  expectTypeOf<Refused<ProjectApi, typeof PROJECT>>().toBeNever()
  expectTypeOf<Refused<StreamsApi, typeof STREAMS>>().toBeNever()
  expectTypeOf<Refused<StreamApi, typeof STREAM>>().toBeNever()
  expectTypeOf<Refused<SubscriptionApi, typeof SUBSCRIPTION>>().toBeNever()
  expectTypeOf<Refused<ScanApi, typeof SCAN>>().toBeNever()
  expectTypeOf<Refused<ActivityApi, typeof ACTIVITY>>().toBeNever()
  // The comparison itself can fail.
  interface NumberApi {
    one(count: number): Promise<void>
  }
  type Table = { readonly one: { readonly parameters: readonly [typeof text] } }
  expectTypeOf<Refused<NumberApi, Table>>().not.toBeNever()
  expectTypeOf<Refused<TwoApi, Table>>().toBeNever()
})

class Two extends RpcTarget implements TwoApi {
  async one() {}
  async two() {
    this.#hidden()
  }
  #hidden() {}
}
class Three extends Two {
  async three() {}
}
class Wordy extends Two {
  readonly field = 1
}

test('an allowlist has every name of its interface and no other', () => {
  const check = () => {
    allowOnly(Two, members<TwoApi>()('one', 'two'))
    // @ts-expect-error -- a method of the interface that the list lacks
    allowOnly(Two, members<TwoApi>()('one'))
    // @ts-expect-error -- a name that the interface does not have
    allowOnly(Two, members<TwoApi>()('one', 'two', 'three'))
  }
  expectTypeOf(check).toBeFunction()
})

test('a target shows its interface and nothing else', () => {
  const check = () => {
    // @ts-expect-error -- a method that the interface lacks
    allowOnly(Three, members<TwoApi>()('one', 'two'))
    // @ts-expect-error -- a field; private ones are `#private`
    allowOnly(Wordy, members<TwoApi>()('one', 'two'))
    // @ts-expect-error -- a method that the target lacks
    class One extends RpcTarget implements TwoApi {
      async one() {}
    }
    return One
  }
  expectTypeOf(check).toBeFunction()
})
