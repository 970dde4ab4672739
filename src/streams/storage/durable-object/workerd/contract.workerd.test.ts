import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { type WithStorage, describeStorage } from '../../contract.ts'
import { damageRow } from '../../sql/testing.ts'
import { DurableObjectStorage } from '../durable-object-storage.ts'
import { objectSql } from '../object-sql.ts'

// The port's promises, held inside a Durable Object: its SQL, its transactions, its sync.

const insideAnObject: WithStorage = (run) =>
  runInDurableObject(env.PROJECTS.get(env.PROJECTS.newUniqueId()), async (_instance, { storage: object }) => {
    let storage = new DurableObjectStorage(object)
    await run({
      get storage() {
        return storage
      },
      reopen: () => {
        storage.close()
        storage = new DurableObjectStorage(object)
      },
      damage: (row) => damageRow(objectSql(object), row),
    })
  })

describeStorage('Durable Object in workerd', { groups: 'write', findsDamage: true }, insideAnObject)
