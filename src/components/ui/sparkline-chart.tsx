import { useEffect, useLayoutEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Point } from './series.ts'

/** Draws the line. Loaded by `Sparkline` alone, since uPlot comes with it. */
export function SparklineChart({ points }: { readonly points: readonly Point[] }) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | null>(null)
  useLayoutEffect(() => {
    const element = place.current
    if (!element) return
    const drawn = draw(element)
    plot.current = drawn
    const sized = new ResizeObserver(() => drawn.setSize(sizeOf(element)))
    sized.observe(element)
    const stopWatching = onColoursChanged(() => drawn.redraw())
    return () => {
      sized.disconnect()
      stopWatching()
      drawn.destroy()
      plot.current = null
    }
  }, [])
  useEffect(() => plot.current?.setData(dataOf(points)), [points])
  return <div ref={place} aria-hidden="true" className="h-full min-w-0 overflow-hidden text-accent" />
}

function draw(element: HTMLElement): UPlot {
  const colour = () => getComputedStyle(element).color
  const faded = () => getComputedStyle(element).color.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.12)')
  return new UPlot(
    {
      ...sizeOf(element),
      padding: [4, 4, 2, 4],
      legend: { show: false },
      cursor: { show: false },
      axes: [{ show: false }, { show: false }],
      // From zero up, so that a small change of a large number looks small.
      scales: { y: { range: (_plot, least, most) => [Math.min(0, least ?? 0), Math.max(most ?? 0, 1) * 1.08] } },
      series: [
        {},
        {
          stroke: colour,
          fill: faded,
          width: 1.5,
          // A value with gaps on both sides has no line to show it: a dot, then.
          points: { show: true, filter: (drawn) => alone(drawn.data[1] ?? []), size: 4, fill: colour, stroke: colour },
        },
      ],
    },
    [[], []],
    element,
  )
}

/** The places of values that have no neighbour. */
function alone(values: UPlot.AlignedData[number]): number[] {
  const there = (at: number) => typeof values[at] === 'number'
  return Array.from(values, (_, at) => at).filter((at) => there(at) && !there(at - 1) && !there(at + 1))
}

function sizeOf(element: HTMLElement) {
  return { width: Math.max(element.clientWidth, 1), height: Math.max(element.clientHeight, 1) }
}

function dataOf(points: readonly Point[]): UPlot.AlignedData {
  return [points.map(({ at }) => at / 1000), points.map(({ value }) => value)]
}

/** The page went dark or light: by the system, or by the reader's choice. */
function onColoursChanged(changed: () => void): () => void {
  const system = matchMedia('(prefers-color-scheme: dark)')
  const chosen = new MutationObserver(changed)
  system.addEventListener('change', changed)
  chosen.observe(document.documentElement, { attributeFilter: ['data-theme'] })
  return () => {
    system.removeEventListener('change', changed)
    chosen.disconnect()
  }
}
