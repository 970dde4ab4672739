import type { Deed, Done } from './deeds.ts'

/** The project that the killed writers write to. */
export const CRASH_PROJECT = 'prj_crash'

/** What they tell: the file is about to be opened; a deed begins; a deed was acknowledged. */
export type WriterLine =
  | { readonly opening: true }
  | { readonly begin: Deed }
  | { readonly done: string; readonly told: Done }
