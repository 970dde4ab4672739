/** Writes to standard output, waiting when the reader is slower. Ends the process quietly when the reader is gone. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve))
}

/** Says something about the work on standard error, which belongs to people. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`)
}

/** A reader that has seen enough (`… | head`) is no error. */
export function endQuietlyOnClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
