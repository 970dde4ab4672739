/** `--quick`: a rough run in a fraction of the time. It shows that everything works; its figures are not kept. */
export const QUICK = process.argv.includes('--quick')

/** A count for a full run, or for a quick one. */
export function scaled(full: number, quick: number): number {
  return QUICK ? quick : full
}
