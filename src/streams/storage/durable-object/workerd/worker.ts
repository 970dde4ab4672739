import { DurableObject, type DurableObjectContext } from 'cloudflare:workers'
import { DEFAULT_APPEND_LIMITS } from '../../../event.ts'
import { ProjectStreams } from '../../../project-streams.ts'
import { DurableObjectStorage } from '../durable-object-storage.ts'

/** A project's streams in a Durable Object, as small as it can be: what the tests in workerd look into. */
export class ProjectObject extends DurableObject {
  readonly streams: ProjectStreams

  constructor(ctx: DurableObjectContext, env: unknown) {
    super(ctx, env)
    this.streams = new ProjectStreams(new DurableObjectStorage(ctx.storage), {
      limits: DEFAULT_APPEND_LIMITS,
      now: Date.now,
      newId: () => crypto.randomUUID(),
    })
  }
}

export default {
  fetch: (): Response => new Response('only its Durable Object is of use', { status: 404 }),
}
