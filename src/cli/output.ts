let readerHasGone = false
let worthFinishing = false

/** Writes to standard output, waiting when the reader is slower. */
export async function print(text: string): Promise<void> {
  const { stdout } = process
  if (readerHasGone || stdout.write(text)) return
  await new Promise<void>((resolve) => {
    const done = () => {
      stdout.off('drain', done).off('close', done)
      resolve()
    }
    stdout.on('drain', done).on('close', done)
  })
}

/** Says something about the work on standard error, which belongs to people. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`)
}

/** A reader that has seen enough (`… | head`) is no error: the process ends quietly. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (!worthFinishing) process.exit(0)
    readerHasGone = true
  })
}

/** For work that is not done for what it prints: it goes on when nobody reads that any more. */
export function finishWithoutReader(): void {
  worthFinishing = true
}
