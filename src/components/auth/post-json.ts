/** How a form's request ended. */
export type Posted =
  | { readonly ok: true }
  | {
      readonly ok: false
      /** 0 when the server could not be reached. */
      readonly status: number
      readonly code: string | undefined
      readonly message: string
      /** Seconds. */
      readonly retryAfter: number | null
    }

/** How long an answer may take. */
const ANSWER_MS = 15_000

/** Posts a body as JSON. Never throws: a form has to say what went wrong. */
export async function postJson(url: string, body: unknown): Promise<Posted> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    if (response.ok) return { ok: true }
    const { code, message } = await errorOf(response)
    const seconds = Number(response.headers.get('retry-after'))
    return {
      ok: false,
      status: response.status,
      code,
      message: message ?? `The server answered ${response.status}.`,
      retryAfter: Number.isFinite(seconds) && seconds > 0 ? seconds : null,
    }
  } catch (error) {
    const isLate = error instanceof DOMException && error.name === 'TimeoutError'
    const message = isLate
      ? `The server has not answered for ${ANSWER_MS / 1000} s. Try again.`
      : 'The server cannot be reached. Check that it is running, then try again.'
    return { ok: false, status: 0, code: undefined, message, retryAfter: null }
  }
}

async function errorOf(response: Response): Promise<{ readonly code?: string; readonly message?: string }> {
  try {
    const { code, message } = (await response.json()) as { code?: unknown; message?: unknown }
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(typeof message === 'string' ? { message } : {}),
    }
  } catch {
    // An answer without a body, or one from a proxy: the status says it all.
    return {}
  }
}
