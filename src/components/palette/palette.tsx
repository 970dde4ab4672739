import type { ProjectInfo } from '../../itx/handle.ts'
import type { StreamPath } from '../../streams/path.ts'
import { lazily, useLazily } from '../ui/lazily.ts'

const popup = lazily(() => import('./palette-popup.tsx'))

/** Begins to load the palette: for a button that opens it, when a pointer or the focus comes near. */
export const preloadPalette = popup.preload

export interface PaletteProps {
  /** Whose streams are found; absent on pages about all projects. */
  readonly project: ProjectInfo | undefined
  /** The stream that is open, for offsets and times. */
  readonly path: StreamPath | null
  readonly open: boolean
  readonly onClose: () => void
}

/** Goes anywhere and does anything from the keyboard. Loaded when it first opens. */
export function Palette(props: PaletteProps) {
  const loaded = useLazily(popup, props.open)
  if (!props.open) return null
  if (loaded.status === 'loaded') return <loaded.module.PalettePopup {...props} />
  return loaded.status === 'failed' ? (
    <p role="alert" className="px-4 py-1 text-small text-danger">
      The palette could not be loaded. Try again when the connection is back.
    </p>
  ) : null
}
