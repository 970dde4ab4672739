// Children of the scripts in this folder. Plain JavaScript for Node 20: setup runs it before anything is installed.
import { spawn } from 'node:child_process'
import { delimiter, join } from 'node:path'

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Seconds a child gets between SIGTERM and SIGKILL unless the caller says so: a server may take 10 to shut down. */
const GRACE_SECONDS = 12

/** Seconds the output of a child may stay open after its end, by a grandchild that outlives it. */
const DRAIN_SECONDS = 2

/** How soon a script that npm started notices that npm's shell is gone. */
const PARENT_CHECK_MS = 250

const LOCAL_PROGRAMS = /node_modules[\\/]\.bin[\\/]?$/

/** `env` with the programs of this checkout first on PATH: the pinned Node among them, where its platform has one. */
export function withLocalPrograms(root, env = process.env) {
  return { ...env, PATH: [join(root, 'node_modules', '.bin'), env.PATH].filter(Boolean).join(delimiter) }
}

/** `env` without any node_modules/.bin on PATH: for npm, which is about to delete that folder. */
export function withoutLocalPrograms(env = process.env) {
  const folders = (env.PATH ?? '').split(delimiter)
  return { ...env, PATH: folders.filter((folder) => !LOCAL_PROGRAMS.test(folder)).join(delimiter) }
}

/**
 * Runs a command to its end with stdin closed. Never rejects: what counts as a failure is the caller's to say.
 *
 * - `quiet` keeps the output for the result instead of showing it.
 * - `ownGroup` makes a process group of it, which ends as a whole: the servers and browsers of a test go with it.
 *   Without it the child stays in ours, and goes when somebody kills that.
 * - `limitSeconds` ends it when it takes longer, with SIGTERM and `graceSeconds` later SIGKILL.
 *
 * Resolves with `{ code, output, problem, signal }`: `code` is null when it was killed or could not start, `problem`
 * says in words why, `signal` is the one we were sent meanwhile and passed on.
 */
export function run(command, args, options = {}) {
  const {
    cwd,
    env = process.env,
    quiet = false,
    ownGroup = false,
    limitSeconds,
    graceSeconds = GRACE_SECONDS,
  } = options
  return new Promise((resolve) => {
    const shown = quiet ? 'pipe' : 'inherit'
    const child = spawn(command, args, { cwd, env, detached: ownGroup, stdio: ['ignore', shown, shown] })
    const output = []
    const timers = []
    const result = { code: null, problem: undefined, signal: undefined }

    const send = (signal) => {
      if (child.pid === undefined) return
      try {
        process.kill(ownGroup ? -child.pid : child.pid, signal)
      } catch {
        // It is gone already, which is what was asked for.
      }
    }
    const end = (problem) => {
      result.problem ??= problem
      send('SIGTERM')
      timers.push(setTimeout(send, graceSeconds * 1000, 'SIGKILL'))
    }
    const forward = (signal) => {
      if (result.signal !== undefined) return
      result.signal = signal
      end(`ended by ${signal}`)
    }
    const finish = () => {
      clearInterval(watch)
      for (const timer of timers) clearTimeout(timer)
      for (const signal of FORWARDED) process.off(signal, forward)
      resolve({ ...result, output: Buffer.concat(output).toString() })
    }

    for (const signal of FORWARDED) process.on(signal, forward)
    // `npm start` passes SIGTERM to its shell, which dies without telling us; an install must not go on as an orphan.
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid !== parent) forward('SIGTERM')
    }, PARENT_CHECK_MS)
    if (process.env.npm_lifecycle_event === undefined) clearInterval(watch)
    if (limitSeconds !== undefined) {
      timers.push(setTimeout(end, limitSeconds * 1000, `killed: it took longer than ${limitSeconds} s`))
    }
    child.stdout?.on('data', (chunk) => output.push(chunk))
    child.stderr?.on('data', (chunk) => output.push(chunk))
    child.once('error', (error) => {
      result.problem ??= error.message
      if (child.pid === undefined) finish()
    })
    child.once('exit', (code, signal) => {
      result.code = result.problem === undefined ? code : null
      if (signal !== null) result.problem ??= `ended by ${signal}`
      if (ownGroup) send('SIGKILL')
      timers.push(setTimeout(finish, DRAIN_SECONDS * 1000))
    })
    child.once('close', finish)
  })
}
