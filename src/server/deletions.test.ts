import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { OPERATOR } from '../control-plane/audit.ts'
import { deleteProject, unfinishedDeletions } from '../control-plane/project-deletion.ts'
import { StreamEngine } from '../streams/engine.ts'
import { TestTributary, eventually } from './testing.ts'

// A project's row and its file cannot go in one step: what a crash leaves in between, the next start finishes.

let tributary: TestTributary
afterEach(() => tributary.stop())

const control = () => tributary.instance.control
const finished = () => eventually(() => unfinishedDeletions(control()).length === 0)

test('a crash between row and file leaves nothing behind after the next start', async () => {
  tributary = await TestTributary.start()
  const projectId = tributary.project('app')
  const kept = tributary.projectId('demo')
  await tributary.door('editor', 'app').put('/a', '["secret"]')
  await tributary.door('editor').put('/a', '["kept"]')
  const file = (id: string) => join(tributary.dataDir, 'projects', `${id}.db`)

  // The row is gone, and then nothing more happens.
  expect(deleteProject(control(), { projectId, by: OPERATOR })).toBe(true)
  expect(unfinishedDeletions(control())).toEqual([projectId])
  await tributary.kill()
  expect(existsSync(file(projectId))).toBe(true)

  await tributary.resume()
  await finished()
  for (const ending of ['', '-wal', '-shm']) expect(existsSync(file(projectId) + ending)).toBe(false)
  expect(existsSync(file(kept))).toBe(true)
  expect((await tributary.door('viewer').get('/a')).text).toBe('["kept"]')
})

test('a file that cannot be deleted holds up neither the start nor the others, and is tried again', async () => {
  tributary = await TestTributary.start()
  const ids = ['a', 'b'].map((slug) => tributary.project(slug))
  for (const slug of ['a', 'b']) await tributary.door('editor', slug).put('/x', '[1]')
  for (const projectId of ids) deleteProject(control(), { projectId, by: OPERATOR })
  await tributary.pause()

  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const real = StreamEngine.prototype.deleteProject
  const stuck = vi.spyOn(StreamEngine.prototype, 'deleteProject').mockImplementation(async function (
    this: StreamEngine,
    id: string,
  ) {
    if (id === ids[0]) throw new Error('the disk says no')
    await real.call(this, id)
  })
  await tributary.resume()
  await eventually(() => unfinishedDeletions(control()).length === 1)
  expect(unfinishedDeletions(control())).toEqual([ids[0]])
  expect((await tributary.raw('/api/streams/demo')).status).toBe(401)

  stuck.mockRestore()
  await tributary.pause()
  await tributary.resume()
  await finished()
})
