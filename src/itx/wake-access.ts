import { findProject } from '../control-plane/projects.ts'
import type { ProjectStreams } from '../streams/project-streams.ts'
import type { WakeGrant, WebhookJwk } from '../streams/subscriptions/keys.ts'
import type { Instance } from './instance.ts'

/**
 * What whoever works on a wake may touch: that one wake, by the token they were told it with. No role of theirs is asked
 * for, and no other token opens this door.
 *
 * @param authorization the header
 * @param idOrSlug the project that is addressed; one that the token is not for is as good as none
 * @throws {ItxError} RATE_LIMITED; NOT_FOUND once the project was deleted; UNAVAILABLE.
 */
export function wakeAccess(
  instance: Instance,
  authorization: string | null,
  { idOrSlug, subscriptionId }: { readonly idOrSlug: string; readonly subscriptionId: string },
): { readonly grant: WakeGrant; readonly streams: ProjectStreams } | 'invalid' | 'expired' {
  const [, token] = /^Bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '') ?? []
  if (token === undefined) return 'invalid'
  const grant = instance.wakes.verify(token)
  if (grant === 'invalid' || grant === 'expired') return grant
  const { projectId } = grant
  if (grant.subscriptionId !== subscriptionId) return 'invalid'
  if (findProject(instance.control, idOrSlug)?.id !== projectId) return 'invalid'
  const tokenId = `wake ${projectId} ${subscriptionId}`
  instance.budgets.take({ kind: 'token', tokenId, projectId, role: 'editor' })
  return { grant, streams: instance.engine.project(projectId) }
}

/** The key that the webhooks of a project are signed with. A project that is not there has one as well. */
export function webhookKeyOf({ control, wakes }: Pick<Instance, 'control' | 'wakes'>, idOrSlug: string): WebhookJwk {
  const project = findProject(control, idOrSlug)
  return project ? wakes.publicKey(project.id) : wakes.decoyKey(idOrSlug)
}
