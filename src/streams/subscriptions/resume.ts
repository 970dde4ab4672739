import { nextTurn } from '../scheduler.ts'
import type { StreamPath } from '../path.ts'
import { STREAM_ROOT } from './config.ts'
import { literalStart } from './glob.ts'
import type { SubscriptionParts } from './parts.ts'
import { Watch } from './watches.ts'

/** Links looked at in one turn. */
const LINKS = 500
/** Comparisons of a stream with a pattern in one turn. */
const COMPARISONS = 20_000

/**
 * Brings memory to what the disk says: who watches, and which streams may have something to do. All that are linked may,
 * and all that a pattern matches and that are not: those were committed just before a crash.
 *
 * @param isBeingMade whether a subscription that is not ready on the disk is being made by this process
 */
export async function resumeSubscriptions(
  parts: SubscriptionParts,
  isBeingMade: (id: string) => boolean,
): Promise<void> {
  const { ports, records, watches, ledger, runner } = parts
  const stored = records.list()
  for (const subscription of stored) {
    if (isBeingMade(subscription.id)) continue
    const known = watches.get(subscription.id)
    if (subscription.linking) {
      // Nobody was told that there is such a subscription.
      ports.storage.transactionSync(ledger, (tx) => records.remove(tx, subscription.id))
    } else if (known?.life !== subscription.life) {
      watches.add(new Watch(subscription))
    } else {
      known.linked = false
    }
  }
  const ids = new Set(stored.filter(({ linking }) => !linking).map(({ id }) => id))
  for (const watch of watches.all()) if (!ids.has(watch.id) && !isBeingMade(watch.id)) watches.remove(watch)
  await findLinked(parts)
  await findUnlinked(parts)
  for (const watch of watches.all()) {
    if (isBeingMade(watch.id)) continue
    watch.linked = true
    runner.drive(watch)
  }
}

async function findLinked({
  ports: { storage, scheduler },
  records,
  watches,
  ledger,
}: SubscriptionParts): Promise<void> {
  for (let after = ''; ;) {
    const page = records.pageAllLinks(after, LINKS)
    const lives = new Map(watches.all().map((watch) => [watch.life, watch]))
    const orphans = page.filter(({ life }) => !lives.has(life))
    for (const { life, path } of page) lives.get(life)?.candidates.add(path)
    // Their subscription was deleted, and a crash kept them from following it.
    if (orphans.length > 0) {
      storage.transactionSync(ledger, (tx) => {
        for (const { life, path } of orphans) records.removeLink(tx, life, path)
      })
    }
    const last = page.at(-1)
    if (last === undefined || page.length < LINKS) return
    after = last.key
    await nextTurn(scheduler)
  }
}

async function findUnlinked({ ports, records, watches }: SubscriptionParts): Promise<void> {
  const matching = watches.all().filter(({ config }) => config.pattern !== null)
  const limit = Math.max(10, Math.min(LINKS, Math.floor(COMPARISONS / Math.max(1, matching.length))))
  for (const prefix of outermost(matching.map(patternRoot))) {
    for (let after: string | undefined; ;) {
      const page = ports.storage.committed.list(prefix, { limit, ...(after === undefined ? {} : { after }) })
      for (const { path } of page) {
        for (const watch of matching) {
          if (!watch.matches(path) || records.findLink(watch.life, path) !== null) continue
          watch.candidates.add(path)
          watch.fresh.add(path)
        }
      }
      after = page.at(-1)?.path
      if (after === undefined || page.length < limit) break
      await nextTurn(ports.scheduler)
    }
  }
}

/** The path under which everything lies that a subscription's pattern matches. */
export function patternRoot({ config }: Pick<Watch, 'config'>): StreamPath {
  const start = config.pattern === null ? [] : literalStart(config.pattern)
  return [STREAM_ROOT, ...start].join('/') as StreamPath
}

/** Paths without those that lie below another. */
function outermost(paths: readonly StreamPath[]): StreamPath[] {
  return [...new Set(paths)].filter(
    (path, _, all) => !all.some((other) => other !== path && path.startsWith(`${other}/`)),
  )
}
