import { expect, test } from 'vitest'
import { appendSnippets } from './append-snippets.ts'

const codes = (path: string) =>
  appendSnippets({ origin: 'http://localhost:3000', project: 'demo', path }).map(({ code }) => code)

test('every snippet names this server, the project and the path', () => {
  for (const code of codes('/notes/first')) expect(code).toMatch(/localhost:3000[^]*|demo[^]*\/notes\/first/)
  expect(codes('/notes/first')[0]).toContain('http://localhost:3000/api/streams/demo/notes/first')
})

test('a path with what a shell or JavaScript takes for its own is quoted', () => {
  const [curl, typescript, cli] = codes("/it's $HOME")
  expect(curl).toContain(`'http://localhost:3000/api/streams/demo/it'\\''s $HOME'`)
  expect(typescript).toContain(`itx.append("/it's $HOME", [`)
  expect(cli).toContain(`append '/it'\\''s $HOME' --project`)
})
