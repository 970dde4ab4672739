import type { Ledger } from './ledger.ts'
import type { SubscriptionPorts } from './ports.ts'
import type { SubscriptionRecords } from './records.ts'
import type { WakeRunner } from './wake-runner.ts'
import type { Watches } from './watches.ts'

/** What the subscriptions of a project consist of. */
export interface SubscriptionParts {
  readonly ports: SubscriptionPorts
  readonly records: SubscriptionRecords
  readonly watches: Watches
  readonly ledger: Ledger
  readonly runner: WakeRunner
}
