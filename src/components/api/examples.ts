/** Commands to paste for the methods of the handle, with the address and the project of this instance. */

export interface Place {
  /** The address of this instance. */
  readonly origin: string
  /** The project's slug. */
  readonly slug: string
}

export interface Examples {
  /** With the `itx` that `beginnings` makes. */
  readonly typescript?: string
  /** With the variables that `beginnings` sets. */
  readonly cli?: string
  readonly curl?: string
}

/** How a program and a terminal begin; every other example goes on from here. */
export function beginnings({ origin, slug }: Place): Required<Examples> {
  return {
    typescript: [
      "import { connectItx } from 'tributary/client'",
      '',
      'const itx = connectItx({',
      `  url: '${origin}',`,
      `  project: '${slug}',`,
      '  token: process.env.TRIBUTARY_TOKEN,',
      '})',
      'console.log(await itx.project())',
      'itx.close() // at the end: it stays connected until then',
    ].join('\n'),
    cli: [
      `export TRIBUTARY_URL=${origin} TRIBUTARY_PROJECT=${slug}`,
      '# beside the server; elsewhere, ask whoever runs it for a token',
      `export TRIBUTARY_TOKEN=$(npm run -s tributary -- token create --project ${slug} --role editor)`,
      'npm run -s tributary -- ls / --recursive',
    ].join('\n'),
    curl: curl(`${origin}/api/streams/${slug}`),
  }
}

/** Examples of a method, by the names of its object and its own; none where a line of code would say nothing. */
export function examplesOf(object: string, method: string, place: Place): Examples {
  return ALL[`${object}.${method}`]?.(place) ?? {}
}

const EVENT = '{"type":"note","payload":{"text":"hello"}}'
const ENVELOPE = 'application/vnd.tributary.event+json'
const streamUrl = ({ origin, slug }: Place) => `${origin}/api/streams/${slug}/notes`
const cli = (words: string) => `npm run -s tributary -- ${words}`
const onStream = (call: string) => `await itx.onStream('/notes', (stream) => stream.${call})`
const onProject = (call: string) => `await itx.use((project) => project.${call})`
const logged = (call: string) => `console.log(${call})`

function curl(url: string, ...more: readonly string[]): string {
  return [`curl ${url}`, '  -H "Authorization: Bearer $TRIBUTARY_TOKEN"', ...more.map((each) => `  ${each}`)].join(
    ' \\\n',
  )
}

const ALL: Readonly<Record<string, (place: Place) => Examples>> = {
  'project.describe': () => ({ typescript: logged(onProject('describe()')) }),
  'project.project': () => ({ typescript: logged('await itx.project()') }),
  'project.rename': () => ({ typescript: onProject("rename({ name: 'Another name' })") }),
  'project.createReadToken': ({ origin, slug }) => ({
    typescript: logged(onProject("createReadToken({ path: '/notes', seconds: 600 })")),
    curl: curl(
      `${origin}/api/read-tokens`,
      "-H 'Content-Type: application/json'",
      `-d '{"project":"${slug}","path":"/notes","seconds":600}'`,
    ),
  }),
  'streams.list': ({ origin, slug }) => ({
    typescript: logged(onProject("streams.list({ prefix: '/', limit: 50 })")),
    cli: cli('ls / --recursive --long'),
    curl: curl(`${origin}/api/streams/${slug}`),
  }),
  'stream.read': (place) => ({
    typescript: logged("await itx.read('/notes', { limit: 10 })"),
    cli: cli('read /notes --limit 10'),
    curl: curl(streamUrl(place), `-H 'Accept: ${ENVELOPE}'`),
  }),
  'stream.append': (place) => ({
    typescript: logged("await itx.append('/notes', [{ type: 'note', payload: { text: 'hello' } }])"),
    cli: `echo '${EVENT}' |\n  ${cli('append /notes')}`,
    curl: curl(streamUrl(place), `-H 'Content-Type: ${ENVELOPE}'`, `-d '${EVENT}'`),
  }),
  'stream.subscribe': () => ({
    typescript: [
      '// Replays from the first event, then goes on live, through reconnects.',
      "for await (const event of itx.events('/notes')) {",
      '  console.log(event.offset, event.type, event.payload)',
      '  break',
      '}',
    ].join('\n'),
    cli: cli('tail /notes --after start'),
  }),
  'stream.state': () => ({ typescript: logged("await itx.state('/notes')"), cli: cli('state /notes') }),
  'stream.children': () => ({ typescript: logged("await itx.children('/', { limit: 50 })"), cli: cli('ls /') }),
  'stream.getEvent': () => ({ typescript: logged("await itx.getEvent('/notes', { offset: 1 })") }),
  'stream.scan': () => ({
    typescript: [
      "await itx.scan('/notes', { filter: 'event.type == \"note\"' }, ({ events }) => {",
      '  console.log(events)',
      '})',
    ].join('\n'),
    cli: cli('scan /notes \'event.type == "note"\''),
  }),
  'stream.stateAt': () => ({
    typescript: logged("await itx.stateAt('/notes', { processor: 'core', offset: 1 })"),
    cli: cli('state /notes core --offset 1'),
  }),
  'stream.processors': () => ({ typescript: logged(onStream('processors()')), cli: cli('processors /notes') }),
  'stream.export': () => ({
    typescript: "for await (const page of itx.export('/notes')) console.log(page.events.length)",
    cli: cli('export /notes --output notes.ndjson'),
  }),
  'stream.import': () => ({ cli: cli('import /copy --input notes.ndjson') }),
  'stream.create': (place) => ({
    typescript: logged("await itx.create('/notes')"),
    curl: curl(streamUrl(place), '-X PUT', "-H 'Content-Type: application/json'"),
  }),
  'stream.setMetadata': () => ({ typescript: onStream("setMetadata(JSON.stringify({ owner: 'me' }) as JsonText)") }),
  'stream.pause': () => ({ typescript: onStream("pause('maintenance')") }),
  'stream.resume': () => ({ typescript: onStream('resume()') }),
  'stream.configure': () => ({
    typescript: onStream('configure({ circuitBreaker: { burstCapacity: 1000, refillRatePerMinute: 600 } })'),
  }),
  'stream.close': () => ({ typescript: onStream("close('all is said')") }),
  'stream.attach': () => ({ typescript: onStream("attach('event-counter')"), cli: cli('attach /notes event-counter') }),
  'stream.detach': () => ({ typescript: onStream("detach('event-counter')"), cli: cli('detach /notes event-counter') }),
  'stream.restart': () => ({
    typescript: onStream("restart('event-counter')"),
    cli: cli('restart /notes event-counter'),
  }),
  'stream.reset': () => ({ typescript: onStream('reset()') }),
  'stream.delete': () => ({ typescript: onStream('delete()') }),
}

/** The names of all methods that have examples, `object.method`. */
export const METHODS_WITH_EXAMPLES: readonly string[] = Object.keys(ALL)
