import { z } from 'zod'
import { ROLES, type Role, roleAtLeast } from '../control-plane/roles.ts'
import type { JsonSchema, MethodDescription, ObjectDescription } from './handle.ts'
import {
  ACTIVITY,
  ITX,
  type OperationRow,
  PROJECT,
  PROJECTS,
  SCAN,
  STREAM,
  STREAMS,
  SUBSCRIPTION,
} from './operations.ts'
import type { Parameter } from './parameter.ts'

/**
 * What `describe()` answers: enough to call everything rightly without another word. Made from the table that the
 * boundary checks with, once per role; the global `admin` is not in it, as it is for admins of the instance alone.
 */

export const NOTES: readonly string[] = [
  'Every method is asynchronous. A method that answers an object can be called through at once; the calls travel together.',
  'An event as it is read: { offset, type, createdAt, payload?, metadata?, source?, idempotencyKey? }. Offsets begin at 1 and have no gaps.',
  'payload and metadata are JSON text in both directions, parsed and written by the client: JSON.stringify(value), JSON.parse(text).',
  'Errors carry { code, message, details? }. code is BAD_REQUEST, NOT_FOUND, FORBIDDEN, CONFLICT (details.reason says which), RATE_LIMITED, UNAVAILABLE or INTERNAL; recognise them by code alone.',
  'Roles, each with all that the ones before it may: viewer, editor, operator, admin. A role too small is FORBIDDEN, details.reason role.',
  'Reading never creates a stream, and one that does not exist reads as empty.',
  'Dispose objects and subscriptions that are no longer needed (using, or [Symbol.dispose]()).',
]

interface ObjectRows extends Omit<ObjectDescription, 'methods'> {
  readonly rows: Readonly<Record<string, OperationRow>>
}

const GLOBAL = 'itx'
const A_PROJECT = `${GLOBAL}.projects.get(project)`
const A_STREAM = `${A_PROJECT}.streams.get(path)`

const OBJECTS: readonly ObjectRows[] = [
  { name: 'itx', summary: 'What one holds after signing in.', reachedBy: GLOBAL, rows: ITX },
  {
    name: 'projects',
    summary: 'The projects of whoever holds the handle.',
    reachedBy: `${GLOBAL}.projects`,
    rows: PROJECTS,
  },
  { name: 'project', summary: 'One project: the unit of access.', reachedBy: A_PROJECT, rows: PROJECT },
  {
    name: 'streams',
    summary: 'The streams of a project, a tree of paths.',
    reachedBy: `${A_PROJECT}.streams`,
    rows: STREAMS,
  },
  {
    name: 'activity',
    summary: 'A live reader of lists. Ends when it is told to, disposed, or its socket closes.',
    reachedBy: `${A_PROJECT}.streams.activity(options, onRows)`,
    rows: ACTIVITY,
  },
  { name: 'stream', summary: 'One stream: an ordered log of events.', reachedBy: A_STREAM, rows: STREAM },
  {
    name: 'subscription',
    summary: 'A live reader. Ends when it is told to, disposed, or its socket closes.',
    reachedBy: `${A_STREAM}.subscribe(options, onBatch)`,
    rows: SUBSCRIPTION,
  },
  {
    name: 'scan',
    summary: 'A search that is under way. Ends when it is done, told to, disposed, or its socket closes.',
    reachedBy: `${A_STREAM}.scan(options, onBatch)`,
    rows: SCAN,
  },
]

const OF_ROLE = new Map<Role, readonly ObjectDescription[]>()

/** The objects of the handle, as somebody of a role holds them. */
export function describedObjects(role: Role): readonly ObjectDescription[] {
  let objects = OF_ROLE.get(role)
  if (!objects) {
    objects = OBJECTS.map(({ name, summary, reachedBy, rows }) => {
      return { name, summary, reachedBy, methods: methodsOf(rows, role) }
    })
    OF_ROLE.set(role, objects)
  }
  return objects
}

/** In the order of the table, which is that of the roles: what everybody may do comes first. */
function methodsOf(rows: Readonly<Record<string, OperationRow>>, role: Role): readonly MethodDescription[] {
  return Object.entries(rows)
    .toSorted(([, a], [, b]) => rank(a) - rank(b))
    .map(([name, { needs, summary, parameters, returns }]) => ({
      name,
      summary,
      parameters: parameters.map(describedParameter),
      returns,
      needs,
      allowed: needs === null ? null : roleAtLeast(role, needs),
    }))
}

function rank({ needs }: OperationRow): number {
  return needs === null ? -1 : ROLES.indexOf(needs)
}

function describedParameter({ name, schema }: Parameter) {
  return { name, optional: schema.safeParse(undefined).success, schema: jsonSchema(schema) }
}

/** What a schema takes in, which may be more than what it makes of it. */
function jsonSchema(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}
