import { z } from 'zod'
import { MAX_ACTIVITY_PATHS } from '../streams/activity.ts'
import { MAX_FILTER_LENGTH } from '../streams/filter.ts'
import { checkConfigChange } from '../streams/core/config.ts'
import { MAX_LIST_LIMIT } from '../streams/directory.ts'
import { ItxError, locatedError, shown } from '../streams/errors.ts'
import type { EncodedInput } from '../streams/event.ts'
import { MAX_KEY_LENGTH, MAX_TYPE_LENGTH, checkEncodedInput } from '../streams/event-input.ts'
import { type JsonText, MAX_JSON_DEPTH, parseJsonText } from '../streams/json-text.ts'
import { MAX_PATH_LENGTH, MAX_PATH_LEVELS, parsePath } from '../streams/path.ts'
import { MAX_READ_LIMIT } from '../streams/project-reader.ts'
import type { ActivityBatch, ScanBatch, WireBatch } from './handle.ts'
import { callback, checkedBy, parameter } from './parameter.ts'

/**
 * What the methods of the handle take. Each schema is what the boundary checks an argument with and what `describe`
 * shows of it; the few that the engine checks itself, because the browser does as well, are held to it by a test.
 */

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Options without the keys that are undefined: callers may write them, the engine tells absent from undefined. */
function given<T extends object>(options: T | undefined): Given<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Given<T>
}

/** An object with these keys and no others; undefined counts as not given. */
const record = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).transform(given)
/** The same, which may be left out as a whole. */
const options = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).optional().transform(given)

const offset = z.int().nonnegative()
const after = offset.optional().describe('Exclusive: the page begins with the event after this offset.')
const before = offset.optional().describe('Exclusive: the page ends with the event before this offset.')
const order = z.enum(['asc', 'desc']).optional().describe('asc when absent.')
const pageLimit = (max: number) => z.int().min(1).max(max).optional().describe('Per page; 100 when absent.')
const types = z
  .array(z.string().min(1).max(MAX_TYPE_LENGTH))
  .min(1)
  .max(100)
  .optional()
  .describe('Only events of these types.')
const incarnationId = z
  .string()
  .max(100)
  .optional()
  .describe('The life of the stream that the offsets belong to, from an earlier answer; another one is CONFLICT.')
const match = z.string().max(255).optional().describe('Part of the name, in any case.')

// The global handle and a project's own methods.

export const idOrSlug = parameter(
  'idOrSlug',
  z.string().min(1).max(200).describe("A project's slug or its id (prj_…)."),
)
const slug = z
  .string()
  .describe('1 to 63 lower-case letters, digits and inner hyphens; not `system`. Unique in the instance.')
/** Of a project: as the control plane has it, whose code must not be reached from here. */
const NAME_LENGTH = 100
const name = z.string().trim().min(1).max(NAME_LENGTH)
export const projectPage = parameter(
  'options',
  options({
    after: z.string().max(200).optional().describe('`nextAfter` of the page before.'),
    limit: pageLimit(200),
    match: z.string().max(NAME_LENGTH).optional().describe('Part of the name or the slug, literally, in any case.'),
  }),
)
export const newProject = parameter(
  'input',
  record({
    slug,
    name,
    organizationId: z.string().max(100).optional().describe('One you own; the first of them when absent.'),
  }),
)
export const projectChange = parameter(
  'change',
  record({ name: name.optional(), slug: slug.optional() }).refine((change) => Object.keys(change).length > 0, {
    error: 'a name or a slug is needed',
  }),
)

// Streams.

export const path = checkedBy(
  'path',
  z
    .string()
    .regex(/^\//)
    .describe(
      `Such as /agents/a1; / is the root. Segments of A-Z a-z 0-9 -._~:@!$&'()*+,;= with a slash before each; at most ` +
        `${MAX_PATH_LENGTH} characters and ${MAX_PATH_LEVELS} levels. The stream need not exist.`,
    ),
  parsePath,
)
export const readTokenOptions = parameter(
  'options',
  record({
    path: z.string().describe('What it reads: this path and everything below it.'),
    seconds: z.number().int().min(1).max(86_400).optional().describe('For how long; 600 when absent.'),
  }),
)
export const listOptions = parameter(
  'options',
  options({
    prefix: z.string().optional().describe('This path and everything below it; / when absent.'),
    after: z.string().optional().describe('`nextAfter` of the page before.'),
    limit: pageLimit(MAX_LIST_LIMIT),
    match: match.describe('Part of the path, in any case.'),
    fuzzy: z
      .boolean()
      .optional()
      .describe('The letters of `match`, 16 at most, may stand apart in the path, in their order.'),
  }),
)

// One stream.

export const newStream = parameter('options', options({ contentType: z.literal('application/json').optional() }))

const jsonText = (what: string, accept: (text: string) => boolean = isJsonText) =>
  z
    .string()
    .refine(accept, { error: `is no JSON text of at most ${MAX_JSON_DEPTH} levels` })
    .meta({ contentMediaType: 'application/json', description: what })
const shortText = z.string().min(1).max(255).refine(isWellFormed, { error: 'contains a lone surrogate' })

/** As `checkEncodedInput`, which the boundary uses: browsers check events with it before they send them. */
export const eventInput = z.strictObject({
  type: z
    .string()
    .min(1)
    .max(MAX_TYPE_LENGTH)
    // oxlint-disable-next-line no-control-regex -- control characters are what is being refused
    .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/)
    .refine(isWellFormed, { error: 'contains a lone surrogate' })
    .describe('What happened, such as order/paid. Types below stream/ are reserved.'),
  payload: jsonText('Any JSON value, as text: JSON.stringify(value). At most 256 levels deep.').optional(),
  metadata: jsonText(
    'A JSON object, as text.',
    (text) => isJsonText(text) && text.trimStart().startsWith('{'),
  ).optional(),
  source: z
    .strictObject({ processor: z.strictObject({ slug: shortText, version: shortText }).optional() })
    .optional()
    .describe('What code made the event.'),
  idempotencyKey: z
    .string()
    // 1 to 255 characters between white space, which is trimmed; `stream/` is reserved.
    .regex(new RegExp(`^\\s*(?!stream/)\\S(?:[\\s\\S]{0,${MAX_KEY_LENGTH - 2}}\\S)?\\s*$`))
    .refine(isWellFormed, { error: 'contains a lone surrogate' })
    .optional()
    .describe('1 to 255 characters. A second event with the key of a first is that first event; nothing is stored.'),
  offset: z.int().min(1).optional().describe('A precondition: the offset this event must get, else CONFLICT.'),
})

export const events = checkedBy(
  'events',
  z.array(eventInput).describe('Up to 1,000 events (a setting of the server), all of them stored or none.'),
  (value): readonly EncodedInput[] => {
    if (!Array.isArray(value)) {
      throw new ItxError('BAD_REQUEST', `append takes an array of events, not ${shown(value)}`, { field: 'events' })
    }
    const checked: EncodedInput[] = []
    try {
      for (const event of value as readonly unknown[]) checked.push(checkEncodedInput(event))
    } catch (error) {
      throw locatedError(error, `event ${checked.length + 1}`)
    }
    return checked
  },
)

export const readOptions = parameter(
  'options',
  options({ after, before, limit: pageLimit(MAX_READ_LIMIT), order, types }),
)
export const eventLocator = parameter(
  'by',
  z.union([z.strictObject({ offset }), z.strictObject({ idempotencyKey: z.string().max(MAX_KEY_LENGTH) })]),
)
export const childrenOptions = parameter(
  'options',
  options({
    after: z.string().optional().describe('A name: `nextAfter` of the page before. Not together with skip.'),
    skip: offset.optional().describe('How many children to leave out.'),
    order: z
      .enum(['name', 'created'])
      .optional()
      .describe('name when absent; created: the newest first. Its pages go on by skip, never by after.'),
    limit: pageLimit(MAX_LIST_LIMIT),
    match,
  }),
)
export const activityOptions = parameter(
  'options',
  record({
    paths: z
      .array(z.string())
      .min(1)
      .max(MAX_ACTIVITY_PATHS)
      .describe('The streams whose children are watched, whether they exist or not.'),
    overview: z
      .boolean()
      .optional()
      .describe('True: a batch comes as well whenever what `overview` says may have changed, anywhere in the project.'),
  }),
)
export const onRows = callback<ActivityBatch>(
  'onRows',
  'A function, called with { rows, removed, overflow?, overview? }. Apply removed first: those are gone, with everything below them. ' +
    'rows are children as `children` lists them. overflow: read the children anew. overview: what the overview says may have changed. What it returns, awaited, is the ' +
    'acknowledgement.',
)
export const subscribeOptions = parameter(
  'options',
  record({
    after: z
      .union([offset, z.enum(['start', 'now'])])
      .optional()
      .describe('Replay what comes after this offset, or everything (start), then go on live; now when absent.'),
    incarnationId,
    types,
    events: z.boolean().optional().describe('False: the state alone.'),
    state: z.boolean().optional().describe("True: the stream's state as well, whenever it changed."),
  }),
)
export const onBatch = callback<WireBatch>(
  'onBatch',
  'A function, called with { events, through, maxOffset, incarnationId, state? }. What it returns, awaited, is the ' +
    'acknowledgement. Resume after `through`.',
)
export const scanOptions = parameter(
  'options',
  record({
    filter: z
      .string()
      .max(MAX_FILTER_LENGTH)
      .describe('A CEL expression over event, such as event.type == "order/paid" && event.payload.total > 100.'),
    after,
    before,
    types,
    order,
    incarnationId,
  }),
)
export const onScanBatch = callback<ScanBatch>(
  'onBatch',
  'A function, called with { events, through, scanned, unjudged, maxOffset, incarnationId }. What it returns, awaited, ' +
    'is the acknowledgement.',
)
export const exportOptions = parameter(
  'options',
  options({
    after,
    incarnationId,
    through: offset.optional().describe('`maxOffset` of the first page: where the export ends.'),
    limit: pageLimit(MAX_READ_LIMIT),
  }),
)
/** The shape of a chunk; what its events may be, the engine says. */
export const importChunk = parameter(
  'chunk',
  record({
    head: record({
      contentType: z.string(),
      firstOffset: offset,
      baseState: z.string().optional().describe('JSON text, as the export gave it.'),
    })
      .optional()
      .describe('With the first chunk alone: it creates the stream.'),
    incarnationId: incarnationId.describe('With every later chunk: the life that the first one answered.'),
    events: z.array(z.unknown()).describe('Events as an export answered them, in order and without a gap.'),
    last: z.boolean().optional().describe('True with the last chunk: only then the stream takes other events.'),
  }),
)
export const reason = parameter('reason', z.string().max(1000).optional().describe('Why; kept in the state.'))
export const configChange = checkedBy(
  'change',
  z
    .strictObject({
      circuitBreaker: z
        .strictObject({ burstCapacity: z.number().min(0).max(1e12), refillRatePerMinute: z.number().min(0).max(1e12) })
        .nullable()
        .exactOptional()
        .describe('Pauses the stream when more events come than this.'),
      recordPresence: z
        .boolean()
        .nullable()
        .exactOptional()
        .describe('Whether live readers that come and go become events.'),
    })
    .describe('What is absent stays as it is; null takes a setting back to its default.'),
  checkConfigChange,
)
export const metadata = parameter(
  'metadata',
  z.string().meta({ contentMediaType: 'application/json', description: 'A JSON object of at most 16 KiB, as text.' }),
)
export const processor = parameter('processor', z.string().min(1).max(64).describe("A processor's slug."))
export const restartOptions = parameter(
  'options',
  options({
    from: z
      .union([offset, z.enum(['checkpoint', 'skip'])])
      .optional()
      .describe('checkpoint when absent; skip: past the event it is parked at; an offset: back from there.'),
  }),
)
export const stateAtOptions = parameter(
  'options',
  record({
    processor: z.string().min(1).max(64).describe("A processor's slug; core is the stream's own state."),
    offset: offset.optional().describe('The state after this event; the newest when absent.'),
  }),
)
export const deleteOptions = parameter(
  'options',
  options({ recursive: z.boolean().optional().describe('True: with every stream below it.') }),
)

function isWellFormed(text: string): boolean {
  return text.isWellFormed()
}

function isJsonText(text: string): text is JsonText {
  try {
    parseJsonText(text, 'value')
    return true
  } catch {
    return false
  }
}
