import type { Operations } from './child.ts'

/** The other end of `Child`: says that this process is ready, then does what it is asked for. */
export function answering(operations: Operations, started: unknown, end: () => Promise<void> = async () => {}): void {
  process.on('message', async ({ id, name, argument }: { id: number; name: string; argument: never }) => {
    try {
      process.send?.({ id, value: await operations[name]?.(argument) })
    } catch (error) {
      process.send?.({ id, error: String(error) })
    }
  })
  process.on('disconnect', async () => {
    await end()
    process.exit(0)
  })
  process.send?.({ id: 0, value: started })
}

/** Files that this process may have open. */
export function openFileLimit(): number {
  const { userLimits } = process.report.getReport() as { userLimits: { open_files: { soft: number | string } } }
  const { soft } = userLimits.open_files
  return soft === 'unlimited' ? Infinity : Number(soft)
}

/** Processor time that this process has used, in microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
