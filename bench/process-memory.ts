import { readFileSync, writeFileSync } from 'node:fs'

/** What the system knows of another process's memory, in bytes. Linux alone tells it in this way. */

/** Pages that a process has now. */
export function rssOf(pid: number): number {
  return field(pid, 'VmRSS')
}

/** The most pages that a process has had since `forgetPeak`. */
export function peakRssOf(pid: number): number {
  return field(pid, 'VmHWM')
}

/** The peak is what it has now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

function field(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const [, kibibytes] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status) ?? []
  if (kibibytes === undefined) throw new Error(`the system does not tell ${name} of process ${pid}`)
  return Number(kibibytes) * 1024
}
