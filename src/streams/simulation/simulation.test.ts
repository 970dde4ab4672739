import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { simulate } from './simulate.ts'

// Guards the engine against what nobody thought of: each seed makes another history of writers, readers, processors,
// crashes and failing disks, and every step is held against the laws (docs/architecture.md, "How the engine is tested").

const SLICE = 20

test.each(Array.from({ length: 10 }, (_, i) => i * SLICE + 1))('20 seeds from %i break no law', async (from) => {
  for (let seed = from; seed < from + SLICE; seed++) {
    const { violation, trace } = await simulate(seed)
    if (violation === null) continue
    const file = join(tmpdir(), `tributary-simulation-${seed}.txt`)
    writeFileSync(file, trace())
    expect.unreachable(`seed ${seed}: ${violation}; all steps: ${file}; again: npm run simulate -- --seed ${seed}`)
  }
})

test('a seed gives the same run each time, to the byte, and another seed gives another', async () => {
  const traces = new Set<string>()
  for (let seed = 1; seed <= 12; seed++) {
    const [first, second] = [(await simulate(seed)).trace(), (await simulate(seed)).trace()]
    expect(second).toBe(first)
    traces.add(first)
  }
  expect(traces.size).toBe(12)
  const all = [...traces].join('')
  // A run in which nothing happens would be the same each time as well.
  for (const what of [
    'crash:',
    'disk: io at',
    'is shut down',
    'batch [',
    'duplicate":true',
    'save-snapshot',
    'remove-streams',
  ]) {
    expect(all).toContain(what)
  }
})
