import { createContext, useContext, useEffect, useRef, useState } from 'react'
import { usePreferences } from '../preferences/use-preferences.tsx'
import { KeySequence, isSingleKeys } from './key-sequence.ts'

/** Something that can be done from the keyboard, and from the palette. */
export interface Shortcut {
  /** As it is shown: `?`, `g s`, `mod+k`. */
  readonly keys: string
  /** What it does, as an imperative: `Go to streams`. */
  readonly label: string
  readonly run: () => void
}

/** The shortcuts of what is shown at the moment. */
export class Shortcuts {
  readonly #known = new Map<string, Shortcut[]>()

  /** The latest one of some keys counts; what it answers takes it away. */
  add(shortcut: Shortcut): () => void {
    const { keys } = shortcut
    this.#known.set(keys, [...(this.#known.get(keys) ?? []), shortcut])
    return () => {
      const left = (this.#known.get(keys) ?? []).filter((each) => each !== shortcut)
      if (left.length > 0) this.#known.set(keys, left)
      else this.#known.delete(keys)
    }
  }

  get(keys: string): Shortcut | undefined {
    return this.#known.get(keys)?.at(-1)
  }

  get keys(): readonly string[] {
    return [...this.#known.keys()]
  }

  /** In the order in which they were added. */
  get all(): readonly Shortcut[] {
    return [...this.#known.values()].flatMap((each) => each.slice(-1))
  }
}

const Context = createContext<Shortcuts | null>(null)

export const ShortcutsProvider = Context.Provider

/** Has some keys do something while this is shown; no keys, nothing. */
export function useShortcut(keys: string, label: string, run: () => void): void {
  const shortcuts = useContext(Context)
  const latest = useRef(run)
  useEffect(() => {
    latest.current = run
  })
  useEffect(
    () => (keys === '' ? undefined : shortcuts?.add({ keys, label, run: () => latest.current() })),
    [shortcuts, keys, label],
  )
}

/** All that can be done at the moment, for the help and the palette: asked when they open. */
export function useAllShortcuts(): () => readonly Shortcut[] {
  const shortcuts = useContext(Context)
  return () => shortcuts?.all ?? []
}

/** Listens for the keys of a page. For the frame, once. */
export function useShortcutKeys(): Shortcuts {
  const [shortcuts] = useState(() => new Shortcuts())
  const allowsSingle = usePreferences().preferences.keys === 'on'
  useEffect(() => {
    const sequence = new KeySequence()
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.repeat) return
      const known = shortcuts.keys.filter((keys) => !isSingleKeys(keys) || (allowsSingle && !isTyping(event.target)))
      // What can be pressed is pressed by it.
      if (event.key === ' ' && isPressed(event.target)) return
      const { found, begun } = sequence.press(event, known, event.timeStamp)
      if (found !== null || begun) event.preventDefault()
      if (found !== null) shortcuts.get(found)?.run()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [shortcuts, allowsSingle])
  return shortcuts
}

/** Where a key is a letter, or chooses among things. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof Element)) return false
  return (
    target.closest('input, textarea, select, [contenteditable], [role="textbox"], [role="menu"], [role="dialog"]') !==
    null
  )
}

function isPressed(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('button, summary, [role="button"], [role="treeitem"]') !== null
}
