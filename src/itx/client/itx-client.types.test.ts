import { expectTypeOf, test } from 'vitest'
import type { EncodedInput, EventInput, Receipt, StreamEvent } from '../../streams/event.ts'
import type { CatalogueRow, ExportPage } from '../handle.ts'
import type { ConnectOptions } from './connect-options.ts'
import type { ConnectionStatus } from './connection.ts'
import type { ItxClient } from './itx-client.ts'

// What a program may write, and what it may not.

// Never asked for a value: its types alone are looked at.
const client = {} as ItxClient

test('events go in as they are written and come out as they are read', () => {
  expectTypeOf<ItxClient['append']>().parameters.toEqualTypeOf<[string, readonly EventInput[]]>()
  expectTypeOf<ItxClient['append']>().returns.resolves.toEqualTypeOf<readonly Receipt[]>()
  expectTypeOf<ItxClient['appendEncoded']>().parameter(1).toEqualTypeOf<readonly EncodedInput[]>()
  expectTypeOf<ItxClient['events']>().returns.toEqualTypeOf<AsyncGenerator<StreamEvent>>()
  expectTypeOf<ItxClient['export']>().returns.toEqualTypeOf<AsyncGenerator<ExportPage>>()
  expectTypeOf<ItxClient['streams']['all']>().returns.toEqualTypeOf<AsyncGenerator<CatalogueRow>>()
})

test('what makes no sense does not compile', () => {
  expectTypeOf(() => {
    // @ts-expect-error -- an event has a type
    void client.append('/a', [{ payload: 1 }])
    // @ts-expect-error -- the door decides what is visible
    void client.read('/a', { visibleOnly: true })
    // @ts-expect-error -- pages are walked by the method itself
    client.streams.all({ after: '/a' })
    // @ts-expect-error -- a follower needs a way to end
    void client.follow('/a', { after: 'start' }, () => {})
    // @ts-expect-error -- by its offset or by its key
    void client.getEvent('/a', {})
  }).toBeFunction()
})

test('a project must be named, all else has a default', () => {
  expectTypeOf<{ url: string; project: string }>().toExtend<ConnectOptions>()
  expectTypeOf<{ url: string; token: string }>().not.toExtend<ConnectOptions>()
})

test('a status is read, never written', () => {
  expectTypeOf<ConnectionStatus['state']>().toEqualTypeOf<
    'idle' | 'connecting' | 'connected' | 'reconnecting' | 'signed-out'
  >()
  expectTypeOf<ConnectionStatus['reason']>().toEqualTypeOf<'signed out' | 'access changed' | undefined>()
})
