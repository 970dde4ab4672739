/**
 * What the pages are measured beside, in a process of its own: pages without any script of ours, a list of as many rows that
 * keeps all of them in memory, and a button that does next to nothing.
 */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename } from 'node:path'
import { answering } from './answering.ts'

const ASSETS = new URL('../dist/client/assets/', import.meta.url)
const HTML = { 'content-type': 'text/html; charset=utf-8' }

/** Rows of the height that ours have, positioned as ours are; whatever is in sight is there at once. */
const LIST = `<!doctype html><html lang="en"><title>List</title>
<style>body { margin: 0 } #scroller { height: 100vh; width: 300px; overflow: auto; position: relative }
#list { position: relative } #list div { position: absolute; height: 28px; line-height: 28px }</style>
<div id="scroller" tabindex="0"><div id="list"></div></div>
<script>
const rows = Array.from({ length: Number(new URL(location.href).searchParams.get('rows')) }, (_, i) => 'a' + String(i).padStart(6, '0'))
list.style.height = rows.length * 28 + 'px'
const draw = () => {
  const first = Math.max(0, Math.floor(scroller.scrollTop / 28) - 12)
  const end = Math.min(rows.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / 28) + 12)
  list.replaceChildren(...rows.slice(first, end).map((name, at) => {
    const row = document.createElement('div')
    row.textContent = name
    row.style.top = (first + at) * 28 + 'px'
    return row
  }))
}
scroller.addEventListener('scroll', draw, { passive: true })
scroller.addEventListener('keydown', ({ key }) => {
  if (key === 'End') scroller.scrollTo(0, scroller.scrollHeight)
  if (key === 'Home') scroller.scrollTo(0, 0)
})
draw()
</script>`

const BUTTON = `<!doctype html><html lang="en"><title>Button</title><button>0</button>
<script>document.querySelector('button').onclick = ({ target }) => { target.textContent = Number(target.textContent) + 1 }</script>`

const pages = new Map([
  ['/list', LIST],
  ['/button', BUTTON],
])

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://bare')
  const html = pages.get(pathname)
  if (html !== undefined) return void response.writeHead(200, HTML).end(html)
  if (!pathname.endsWith('.css')) return void response.writeHead(404).end()
  response.writeHead(200, { 'content-type': 'text/css; charset=utf-8' })
  createReadStream(new URL(basename(pathname), ASSETS)).pipe(response)
})

const operations = {
  /** A page of ours without its scripts: what a browser makes of the same HTML and CSS alone. */
  show: ({ path, html }: { path: string; html: string }) => {
    const still = html
      .replaceAll(/<script\b[\s\S]*?<\/script>/g, '')
      .replaceAll(/<link\b[^>]*rel="modulepreload"[^>]*>/g, '')
    pages.set(path, still)
  },
}

export type Operations = typeof operations

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
answering(operations, { port: (server.address() as AddressInfo).port })
