import { describe } from 'vitest'
import { describeCatalogue } from './contract/catalogue.ts'
import { describeDamage } from './contract/damage.ts'
import { describeEvents } from './contract/events.ts'
import { describeExpiry } from './contract/expiry.ts'
import { describeForkReads } from './contract/fork-reads.ts'
import { describeForks } from './contract/forks.ts'
import { describeGroups } from './contract/groups.ts'
import type { StorageTraits, WithStorage } from './contract/host.ts'
import { describeLargeEvents } from './contract/large-events.ts'
import { describeModel } from './contract/model.ts'
import { describeOverview, describeOverviewDamage } from './contract/overview.ts'
import { describeRecords } from './contract/records.ts'
import { describeSnapshots } from './contract/snapshots.ts'
import { describeStates } from './contract/states.ts'

export type { Damage, StorageHost, StorageTraits, WithStorage } from './contract/host.ts'

/**
 * What every implementation of the storage port promises, as tests. A new implementation is one more call of this.
 *
 * @param withStorage gives each test an empty storage, in a place where it may be used
 */
export function describeStorage(name: string, traits: StorageTraits, withStorage: WithStorage): void {
  describe(`storage: ${name}`, () => {
    describeGroups(withStorage, traits)
    describeEvents(withStorage)
    describeLargeEvents(withStorage)
    describeStates(withStorage)
    describeSnapshots(withStorage)
    describeRecords(withStorage)
    describeForkReads(withStorage)
    describeForks(withStorage)
    describeCatalogue(withStorage)
    describeExpiry(withStorage)
    describeOverview(withStorage)
    if (traits.findsDamage) {
      describeDamage(withStorage)
      describeOverviewDamage(withStorage)
    }
    describeModel(withStorage, traits)
  })
}
