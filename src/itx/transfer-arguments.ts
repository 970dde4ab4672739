import { z } from 'zod'

const offset = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)

export const ExportArguments = z
  .strictObject({
    after: offset.optional(),
    incarnationId: z.string().max(100).optional(),
    through: offset.optional(),
    limit: z.number().optional(),
  })
  .optional()

const Head = z.strictObject({
  contentType: z.string(),
  firstOffset: offset,
  /** JSON text: users' keys in it would not all survive the wire. */
  baseState: z.string().optional(),
})

/** The shape of a chunk; what its events may be, the engine says. */
export const ImportArguments = z.strictObject({
  head: Head.optional(),
  incarnationId: z.string().max(100).optional(),
  events: z.array(z.unknown()),
  last: z.boolean().optional(),
})
