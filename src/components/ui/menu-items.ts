import type { ReactNode } from 'react'

/** A line of a menu: it leads somewhere (`href`), or it does something (`onAction`). */
export interface MenuItem {
  /** Unique in its menu. */
  readonly id: string
  /** What it says, and what typing its first letters finds. Shown as it is: make foreign text visible before. */
  readonly label: string
  readonly icon?: ReactNode
  /** Something small at its end: a count, a role. */
  readonly detail?: string
  /** The shortcut that does the same, as `Kbd` takes it. */
  readonly keys?: string
  /** An address of ours. A real link: it opens in a new tab as any other, and a plain press goes through the router. */
  readonly href?: string
  /** It is the page that is open. */
  readonly current?: boolean
  /** In the type of code: names of streams, paths. */
  readonly mono?: boolean
  readonly tone?: 'plain' | 'danger'
  readonly disabled?: boolean
  /** The menu stays open after it: for "show more", and for what is set several times. */
  readonly keepOpen?: boolean
  readonly onAction?: () => void
}

/** Lines that belong together, with a title where that is not plain. */
export interface MenuSection {
  /** Unique in its menu. */
  readonly id: string
  readonly title?: string
  readonly items: readonly MenuItem[]
  /** Makes it a choice of one: the id of the item that is chosen. */
  readonly chosen?: string
  /** Told of the item that is chosen now. The menu stays open. */
  readonly onChoose?: (id: string) => void
}

/** What an open menu shows. */
export interface MenuContent {
  readonly sections: readonly MenuSection[]
  /** Items are on their way: a line says so, below those that are there. */
  readonly loading?: boolean
  /** Why items are missing, and the way to ask again: the last line of the menu. */
  readonly problem?: { readonly message: string; readonly onRetry: () => void } | undefined
  /** What is said when there is nothing, in place of "Nothing here". */
  readonly empty?: string
  /** A field above the items, in which the focus begins: typing looks for others instead of going through these. */
  readonly search?: MenuSearch | undefined
}

/** What is typed above the items of a menu. Who gives it has the items that go with it. */
export interface MenuSearch {
  /** What the field is for: "Find a project". */
  readonly label: string
  readonly text: string
  readonly onText: (text: string) => void
  /** Characters it takes, at most. */
  readonly maxLength: number
}

/** Where a menu lies by its button. */
export type MenuPlace = 'bottom start' | 'bottom end'
