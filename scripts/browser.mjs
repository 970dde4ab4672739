// Finds the Chromium that the browser tests drive. Plain JavaScript for Node 20.
import { accessSync, constants, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from './child-process.mjs'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']

const PLACES = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/usr/bin/google-chrome-stable',
    '/opt/google/chrome/chrome',
    '/usr/lib/chromium/chromium',
    '/snap/bin/chromium',
  ],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

function hostFacts() {
  let osRelease = ''
  try {
    osRelease = readFileSync('/etc/os-release', 'utf8')
  } catch {
    // Only Linux has the file; elsewhere there is no apt to ask either.
  }
  return {
    env: process.env,
    platform: process.platform,
    isRoot: process.getuid?.() === 0,
    osRelease,
    isProgram,
  }
}

/**
 * The path of a Chromium or Chrome on this machine, or undefined. CHROMIUM_PATH decides when it is set: a wrong one is
 * an error, never a reason to take another browser than the one that was asked for.
 */
export function findBrowser(host = hostFacts()) {
  const { env, platform } = host
  if (env.CHROMIUM_PATH) {
    if (host.isProgram(env.CHROMIUM_PATH)) return env.CHROMIUM_PATH
    throw new Error(`CHROMIUM_PATH is '${env.CHROMIUM_PATH}', and there is no program at that path`)
  }
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  const inHome = platform === 'darwin' && env.HOME ? PLACES.darwin.map((path) => join(env.HOME, path)) : []
  return [...(PLACES[platform] ?? []), ...inHome, ...onPath].find((path) => host.isProgram(path))
}

/** Whether apt may install Chromium here: root on Debian or a relative of it whose `chromium` is a real package. */
export function canInstallBrowser(host = hostFacts()) {
  return host.platform === 'linux' && host.isRoot && /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(host.osRelease)
}

/** `findBrowser`, installing one with apt where that is possible; an error that says what to do where it is not. */
export async function ensureBrowser(say, host = hostFacts()) {
  const found = findBrowser(host)
  if (found !== undefined) return found
  let reason = 'apt installs one only as root on Debian or Ubuntu'
  if (canInstallBrowser(host)) {
    say('installing Chromium for the browser tests (apt-get install chromium)')
    const env = { ...host.env, DEBIAN_FRONTEND: 'noninteractive' }
    // A stale mirror list fails the update and may still install; the install alone decides.
    await run('apt-get', ['update'], { env, quiet: true })
    const install = await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], { env, quiet: true })
    const installed = findBrowser(host)
    if (installed !== undefined) return installed
    const lastLines = install.output.trim().split('\n').slice(-5).join('\n')
    reason = `apt-get could not install it (${install.problem ?? `exit code ${install.code}`}):\n${lastLines}\n`
  }
  throw new Error(
    `the browser tests need Chromium or Chrome, and there is none on PATH or in the usual places; ${reason}. ` +
      'Install one, or set CHROMIUM_PATH to its program. (`npm start` needs none.)',
  )
}
