/**
 * What the pages cost the browser of somebody who looks at them: first loads, interactions, moving through 100,000 siblings,
 * and what Lighthouse says; beside it, in the same run, the same HTML and CSS without a script, a bare button, and a bare list
 * that has all of its rows in memory. What the server takes for a page under load is in `pages`.
 *
 * Needs the pages (`npm run build`) and Chromium.
 */
import { installPeers } from './reference.ts'
import { report } from './report.ts'
import { UiBench } from './ui-browser.ts'
import { interactionCases } from './ui-interactions.ts'
import { lighthouseCases } from './ui-lighthouse.ts'
import { loadCases } from './ui-loads.ts'
import { renderingCases } from './ui-rendering.ts'
import { scrollCases } from './ui-scrolling.ts'

// Lighthouse is one of them.
installPeers()
await using bench = await UiBench.start()
const rendering = await renderingCases(bench)
const loads = await loadCases(bench)
const interactions = await interactionCases(bench)
const scrolling = await scrollCases(bench)
const lighthouse = await lighthouseCases(bench)

report('ui', {
  what: 'the pages in Chromium, from the build, over loopback: first load, interactions, 100,000 siblings, Lighthouse',
  cases: [...rendering, ...loads, ...interactions, ...scrolling, ...lighthouse.cases],
  notes: [
    'browser, server and what drives both share the machine; without a graphics card, it paints by the processor',
    'CLS is the sum of all shifts of a load, which is never less than what browsers call CLS',
    'a task that took much more than its processor time was kept waiting: by other processes, or by the browser’s own threads',
    'interactions come in steps of 8 ms; those below 16 ms count as 16',
    ...lighthouse.notes,
  ],
})
