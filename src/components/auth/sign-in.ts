import { type Posted, postJson } from './post-json.ts'

/** Signs in, with the session as a cookie. Go on by a full navigation, so that the server renders with it. */
export function signIn(credentials: { readonly email: string; readonly password: string }): Promise<Posted> {
  return postJson('/api/auth/sign-in/email', credentials)
}

/** What a failed sign-in means, for the person in front of it. */
export function signInProblem(posted: Posted & { readonly ok: false }): string {
  switch (posted.status) {
    case 401:
      return 'No account has this email and password.'
    case 429:
      return `Too many attempts from your address. Try again in ${waiting(posted.retryAfter)}.`
    default:
      return posted.message
  }
}

function waiting(seconds: number | null): string {
  if (seconds === null) return 'a minute'
  return seconds === 1 ? '1 second' : `${seconds} seconds`
}
