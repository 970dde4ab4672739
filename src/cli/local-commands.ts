import { join, resolve } from 'node:path'
import { mkdirSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { loadConfig } from '../../app.config.ts'
import { listAllProjects } from '../control-plane/all-projects.ts'
import { NO_AUDIT, OPERATOR } from '../control-plane/audit.ts'
import { createAuth } from '../control-plane/auth.ts'
import { ensureDefaults } from '../control-plane/bootstrap.ts'
import { type ControlDatabase, openControlDatabase } from '../control-plane/database.ts'
import { addProjectMember, createProject, findProject, organizationsOwnedBy } from '../control-plane/projects.ts'
import { type Role, ROLES, isRole } from '../control-plane/roles.ts'
import { loadSecret } from '../control-plane/secret.ts'
import { createToken, listTokens, revokeToken } from '../control-plane/tokens.ts'
import { createUser, findUserByEmail } from '../control-plane/users.ts'
import { ItxError, shown } from '../streams/errors.ts'
import { type Arguments, UsageError } from './arguments.ts'
import { print, say } from './output.ts'

/**
 * The commands that work on the data directory itself, beside a running server or before its first start. They need no
 * token: whoever can read the directory is its operator.
 */

/** `token create`, `token list` and `token revoke`, each of one project. */
export async function tokenCommand(args: Arguments): Promise<void> {
  const [action, id, ...rest] = args.positionals
  if (rest.length > 0 || (id !== undefined && action !== 'revoke')) throw new UsageError(TOKEN_COMMANDS)
  switch (action) {
    case 'create':
      return createTokenCommand(args)
    case 'list':
      return listTokensCommand(args)
    case 'revoke':
      if (id !== undefined) return revokeTokenCommand(args, id)
  }
  throw new UsageError(TOKEN_COMMANDS)
}

const TOKEN_COMMANDS =
  'the commands are: token create --project SLUG --role ROLE, token list --project SLUG, ' +
  'token revoke ID --project SLUG'

/** Prints the token, and nothing else, on standard output. */
async function createTokenCommand(args: Arguments): Promise<void> {
  const { id, token } = newToken(projectOption(args), roleOption(args), args.option('name'))
  await print(`${token}\n`)
  say(`Keep it: it is stored as a hash and cannot be shown again. Its id is ${id}.`)
}

/** Prints a line of JSON for each token, the newest first. */
async function listTokensCommand(args: Arguments): Promise<void> {
  const project = projectOption(args)
  const found = withControlDatabase((control) => listTokens(control, requiredProject(control, project)))
  for (const { createdAt, expiresAt, lastUsedAt, ...token } of found) {
    const times = { createdAt: isoTime(createdAt), expiresAt: isoTime(expiresAt), lastUsedAt: isoTime(lastUsedAt) }
    await print(`${JSON.stringify({ ...token, ...times })}\n`)
  }
}

async function revokeTokenCommand(args: Arguments, tokenId: string): Promise<void> {
  const project = projectOption(args)
  // Not repeated in the message: a terminal's history is kept, and so may be what it prints.
  if (tokenId.startsWith('trb_')) throw new UsageError('that is a token, not its id (tok_…): see token list')
  withControlDatabase((control) => {
    const projectId = requiredProject(control, project)
    if (revokeToken(control, { projectId, tokenId, by: OPERATOR })) return
    throw new ItxError('NOT_FOUND', `project ${project} has no token ${shown(tokenId)}`, { project })
  })
  say('Revoked: every request with it is refused within 5 seconds, and its sockets are closed.')
}

function isoTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}

/** Makes a token in the data directory. */
export function localToken(project: string, role: Role, name: string): string {
  return newToken(project, role, name).token
}

function newToken(project: string, role: Role, name = 'command line'): { id: string; token: string } {
  return withControlDatabase((control) =>
    createToken(control, { projectId: requiredProject(control, project), role, name }),
  )
}

/** `project create <slug> --owner <email>` and `project list`. */
export async function projectCommand(args: Arguments): Promise<void> {
  const [action, slug, ...rest] = args.positionals
  const owner = args.option('owner')
  if (action === 'create' && slug !== undefined && rest.length === 0 && owner !== undefined) {
    return createProjectCommand(slug, { owner, name: args.option('name') ?? slug })
  }
  if (action === 'list' && slug === undefined) return listProjectsCommand(args.option('match'))
  throw new UsageError('the commands are: project create SLUG --owner EMAIL [--name NAME], project list [--match TEXT]')
}

/** Prints a line of JSON. The project is made in the organisation of its owner, as it would be in the dashboard. */
async function createProjectCommand(
  slug: string,
  { owner, name }: { readonly owner: string; readonly name: string },
): Promise<void> {
  const made = withControlDatabase((control) => {
    const createdBy = findUserByEmail(control, owner)?.id
    if (createdBy === undefined) {
      throw new ItxError('NOT_FOUND', `there is no account with the email ${shown(owner)}`, { reason: 'email' })
    }
    // Of several the one they have owned for longest, as for a project that is made in the dashboard.
    const [organizationId] = organizationsOwnedBy(control, createdBy)
    if (organizationId === undefined) {
      const message = `${shown(owner)} owns no organisation; a project is made in one that its owner owns`
      throw new ItxError('FORBIDDEN', message, { reason: 'role' })
    }
    return createProject(control, { slug, name, organizationId, createdBy, by: OPERATOR })
  })
  await print(`${JSON.stringify({ id: made.id, slug: made.slug, name: made.name })}\n`)
}

const PROJECTS_PAGE = 200

/** Prints a line of JSON for each project of this instance, by slug. */
async function listProjectsCommand(match = ''): Promise<void> {
  await withControlDatabase(async (control) => {
    let after: string | null = null
    do {
      const page = listAllProjects(control, { limit: PROJECTS_PAGE, match, ...(after !== null && { after }) })
      for (const { createdAt, ...project } of page.projects) {
        await print(`${JSON.stringify({ ...project, createdAt: isoTime(createdAt) })}\n`)
      }
      after = page.next
    } while (after !== null)
  })
}

/** `user create <email> --project demo --role viewer`: reads the password from standard input. */
export async function userCommand(args: Arguments): Promise<void> {
  const [action, email, ...rest] = args.positionals
  if (action !== 'create' || email === undefined || rest.length > 0) {
    throw new UsageError('the command is: user create EMAIL --project SLUG --role ROLE')
  }
  const [project, role] = [projectOption(args), roleOption(args)]
  if (process.stdin.isTTY) say('Password (it is shown), then Ctrl-D:')
  const password = (await text(process.stdin)).replace(/\r?\n$/, '')
  const config = loadConfig()
  await withControlDatabase(async (control) => {
    // Looked up first: no account is made for a project that is not there.
    const projectId = requiredProject(control, project)
    const auth = createAuth({ database: control, config, secret: loadSecret(config.dataDir), audit: NO_AUDIT })
    const name = args.option('name') ?? email.split('@', 1)[0] ?? email
    const user = await createUser(auth, control, { email, password, name })
    addProjectMember(control, { projectId, userId: user.id, role })
    await print(`${JSON.stringify({ id: user.id, email: user.email, project, role })}\n`)
  })
}

function withControlDatabase<T>(action: (control: ControlDatabase) => T): T {
  const { dataDir } = loadConfig()
  mkdirSync(join(dataDir, 'projects'), { recursive: true })
  const control = openControlDatabase(join(dataDir, 'control.db'), resolve(import.meta.dirname, '../../drizzle'))
  const close = () => control.close()
  try {
    ensureDefaults(control)
    const result = action(control)
    if (result instanceof Promise) return result.finally(close) as T
    close()
    return result
  } catch (error) {
    close()
    throw error
  }
}

function requiredProject(control: ControlDatabase, idOrSlug: string): string {
  const project = findProject(control, idOrSlug)
  if (!project)
    throw new ItxError('NOT_FOUND', `project ${JSON.stringify(idOrSlug)} was not found`, { project: idOrSlug })
  return project.id
}

function projectOption(args: Arguments): string {
  const project = args.option('project') ?? process.env['TRIBUTARY_PROJECT']
  if (!project) throw new UsageError('a project is needed: --project or TRIBUTARY_PROJECT')
  return project
}

function roleOption(args: Arguments): Role {
  const role = args.option('role')
  if (!isRole(role)) throw new UsageError(`--role must be one of ${ROLES.join(', ')}`)
  return role
}
