import { usePreferences } from '../preferences/use-preferences.tsx'
import { Wordmark } from '../brand/mark.tsx'
import { Segmented } from '../ui/segmented.tsx'
import { Toasts } from '../ui/toasts.tsx'
import { ButtonParts } from './button-parts.tsx'
import { DataParts } from './data-parts.tsx'
import { FloatingParts } from './floating-parts.tsx'
import { FormParts } from './form-parts.tsx'
import { SayingParts } from './saying-parts.tsx'
import { TypeParts } from './type-parts.tsx'

/** Every part of `src/components/ui` in every state. What is not here, nobody has looked at. */
export function DesignPage() {
  const { preferences, setPreferences } = usePreferences()
  return (
    <div className="min-h-dvh">
      <header className="sticky top-0 z-10 flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line bg-surface px-4 py-1.5">
        <Wordmark short />
        <h1 className="me-auto text-base font-semibold">Design</h1>
        <Segmented
          label="Theme"
          value={preferences.theme}
          onChange={(theme) => setPreferences({ theme })}
          options={[
            { value: 'system', label: 'System' },
            { value: 'light', label: 'Light' },
            { value: 'dark', label: 'Dark' },
          ]}
        />
        <Segmented
          label="Density"
          value={preferences.density}
          onChange={(density) => setPreferences({ density })}
          options={[
            { value: 'compact', label: 'Compact' },
            { value: 'comfortable', label: 'Comfortable' },
          ]}
        />
      </header>
      <main id="content" className="mx-auto grid w-full max-w-5xl px-4 py-6 sm:px-6">
        <TypeParts />
        <ButtonParts />
        <FormParts />
        <FloatingParts />
        <SayingParts />
        <DataParts />
      </main>
      <Toasts />
    </div>
  )
}
