/** What a keyboard event says, as far as shortcuts go. */
export interface KeyPress {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
}

/** A key that follows later than this begins anew, in milliseconds. */
const WITHIN_MS = 1000

/**
 * Finds shortcuts in what is pressed. They are written as they are read: `?`, `g s` (one after the other), `mod+k` (Ctrl, or
 * Cmd on a Mac). Pure: the clock is the caller's.
 */
export class KeySequence {
  #pressed: readonly string[] = []
  #last = Number.NEGATIVE_INFINITY

  /**
   * The shortcut that this press completes, and whether one was begun.
   *
   * @param known all shortcuts there are
   * @param now milliseconds, of any clock that does not go back
   */
  press(
    press: KeyPress,
    known: Iterable<string>,
    now: number,
  ): { readonly found: string | null; readonly begun: boolean } {
    const pressed = nameOf(press)
    const before = now - this.#last <= WITHIN_MS ? this.#pressed : []
    this.#last = now
    const shortcuts = [...known]
    // The longer one first: what was begun goes on, else the key stands for itself.
    for (const sequence of before.length > 0 ? [[...before, pressed], [pressed]] : [[pressed]]) {
      const text = sequence.join(' ')
      if (shortcuts.includes(text)) {
        this.#pressed = []
        return { found: text, begun: false }
      }
      if (shortcuts.some((each) => each.startsWith(`${text} `))) {
        this.#pressed = sequence
        return { found: null, begun: true }
      }
    }
    this.#pressed = []
    return { found: null, begun: false }
  }
}

/** Whether it takes no modifier: some devices press such keys by accident, so they can be turned off (WCAG 2.1.4). */
export function isSingleKeys(keys: string): boolean {
  return !keys.startsWith('mod+')
}

function nameOf({ key, ctrlKey, metaKey, altKey }: KeyPress): string {
  const name = key === ' ' ? 'space' : key.length === 1 ? key.toLowerCase() : key
  if (altKey) return `alt+${name}`
  return ctrlKey || metaKey ? `mod+${name}` : name
}
