import { describe } from 'vitest'
import { nodeScheduler } from '../scheduler.ts'
import { TestFolder } from '../testing.ts'
import { type Damage, type StorageHost, type WithStorage, describeStorage } from './contract.ts'
import { DurableObjectStorage } from './durable-object/durable-object-storage.ts'
import { objectSql } from './durable-object/object-sql.ts'
import { FakeObject } from './durable-object/testing.ts'
import type { MemoryDisk } from './memory/memory-disk.ts'
import { MemoryStorage } from './memory/memory-storage.ts'
import type { StreamStorage } from './port.ts'
import { damageRow } from './sql/testing.ts'
import { connectionSql } from './sqlite/connection-sql.ts'
import { CommitScheduler } from './sqlite/group-commit.ts'
import { SqliteStorage } from './sqlite/sqlite-storage.ts'

// The port's promises, held by every implementation of it. The Durable Object's is held to them again where it is at
// home: durable-object/workerd/.

/** The host of a storage that is opened again and again. */
function hostOf<S extends StreamStorage>(open: () => S, damage: (storage: S, row: Damage) => void): StorageHost {
  let storage = open()
  return {
    get storage() {
      return storage
    },
    reopen: () => {
      storage.close()
      storage = open()
    },
    damage: (row) => damage(storage, row),
  }
}

const sqlite: WithStorage = async (run) => {
  using folder = new TestFolder()
  const open = () => new SqliteStorage(`${folder.path}/project.db`, new CommitScheduler())
  const host = hostOf(open, (storage, damage) => damageRow(connectionSql(storage.connection), damage))
  try {
    await run(host)
  } finally {
    host.storage.close()
  }
}

const memory: WithStorage = async (run) => {
  const records: string[] = []
  const disk: MemoryDisk = {
    read: () => records,
    append: (record) => void records.push(record),
    truncate: (count) => void records.splice(count),
    check: () => {},
  }
  await run(
    hostOf(
      () => new MemoryStorage(nodeScheduler, disk),
      () => {
        throw new Error('its rows have no checksums')
      },
    ),
  )
}

const object: WithStorage = async (run) => {
  const fake = new FakeObject()
  try {
    await run(
      hostOf(
        () => new DurableObjectStorage(fake),
        (_, damage) => damageRow(objectSql(fake), damage),
      ),
    )
  } finally {
    fake.close()
  }
}

describe('Node', () => {
  describeStorage('SQLite', { groups: 'turn', findsDamage: true }, sqlite)
  describeStorage('memory', { groups: 'turn', findsDamage: false }, memory)
  describeStorage('Durable Object, imitated', { groups: 'write', findsDamage: true }, object)
})
