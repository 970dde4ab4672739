import { useState } from 'react'
import { whoamiQuery } from '../../itx/queries.ts'
import { useItxQuery } from '../../itx/react/hooks.ts'
import { PreferencesDialog } from '../preferences/preferences-dialog.tsx'
import { usePreferences } from '../preferences/use-preferences.tsx'
import { visibleName } from '../stream/foreign-text.ts'
import { KeyboardIcon, SettingsIcon, SignOutIcon, UserIcon } from '../ui/icons.tsx'
import { MenuButton } from '../ui/menu.tsx'
import { useSignOut } from './use-sign-out.ts'

/** Who is signed in, how they want to see things, and the way out. */
export function ReaderMenu({ onHelp }: { readonly onHelp: () => void }) {
  const { data } = useItxQuery(whoamiQuery())
  const { preferences, setPreferences } = usePreferences()
  const [isOpen, setOpen] = useState(false)
  const { signOut, failure } = useSignOut()
  const who = data?.kind === 'user' ? visibleName(data.email) : 'You'
  return (
    <>
      <MenuButton
        label={`${who}: preferences, help, sign out`}
        place="bottom end"
        className="min-w-7 px-1"
        sections={[
          {
            id: 'theme',
            title: who,
            chosen: preferences.theme,
            onChoose: (theme) => setPreferences({ theme: theme as typeof preferences.theme }),
            items: [
              { id: 'system', label: 'System theme' },
              { id: 'light', label: 'Light theme' },
              { id: 'dark', label: 'Dark theme' },
            ],
          },
          {
            id: 'more',
            items: [
              { id: 'preferences', label: 'Preferences…', icon: <SettingsIcon />, onAction: () => setOpen(true) },
              { id: 'help', label: 'Help and keys', icon: <KeyboardIcon />, keys: '?', onAction: onHelp },
            ],
          },
          { id: 'leave', items: [{ id: 'sign-out', label: 'Sign out', icon: <SignOutIcon />, onAction: signOut }] },
        ]}
      >
        <UserIcon />
      </MenuButton>
      {failure && (
        <span role="alert" className="text-small text-danger">
          Not signed out: try again
        </span>
      )}
      <PreferencesDialog open={isOpen} onClose={() => setOpen(false)} />
    </>
  )
}
