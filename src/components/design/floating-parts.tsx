import { useState } from 'react'
import { Button } from '../ui/button.tsx'
import { ConfirmDialog, Dialog, preloadDialogs } from '../ui/dialog.tsx'
import { Field } from '../ui/field.tsx'
import { ChevronDownIcon, DeleteIcon, EditIcon, ExternalIcon, LinkIcon, MoreIcon, SettingsIcon } from '../ui/icons.tsx'
import { MenuButton } from '../ui/menu.tsx'
import type { MenuSection } from '../ui/menu-items.ts'
import { PopoverButton } from '../ui/popover.tsx'
import { Tooltip } from '../ui/tooltip.tsx'
import { toasts } from '../ui/toast-queue.ts'
import { Part, State, States, TEXTS } from './specimen.tsx'

const SIBLINGS: MenuSection = {
  id: 'siblings',
  title: 'Streams in /agents',
  items: ['critic', 'planner', 'summariser', TEXTS.rightToLeft, TEXTS.long].map((name, at) => ({
    id: name,
    label: name,
    mono: true,
    href: `/design?stream=${at}`,
    current: name === 'summariser',
    detail: String((at + 1) * 1204),
  })),
}

const ACTIONS: MenuSection = {
  id: 'actions',
  items: [
    { id: 'edit', label: 'Rename', icon: <EditIcon />, keys: 'r' },
    { id: 'link', label: 'Copy link', icon: <LinkIcon />, keys: 'y' },
    { id: 'open', label: 'Open in a new tab', icon: <ExternalIcon />, href: '/projects' },
    { id: 'no', label: 'Not for viewers', disabled: true },
  ],
}

const DANGERS: MenuSection = {
  id: 'dangers',
  items: [{ id: 'delete', label: 'Delete stream', icon: <DeleteIcon />, tone: 'danger' }],
}

/** What lies above the page. Each is loaded when it is first wanted. */
export function FloatingParts() {
  return (
    <>
      <Part
        name="Menu"
        about="Links and deeds below a button. Arrow keys, Home and End, and the first letters move in it."
      >
        <States>
          <State name="links, one current">
            <MenuButton sections={[SIBLINGS]}>
              summariser <ChevronDownIcon className="size-3.5" />
            </MenuButton>
          </State>
          <State name="actions">
            <MenuButton label="Actions" look="plain" className="size-7 px-0" sections={[ACTIONS, DANGERS]}>
              <MoreIcon />
            </MenuButton>
          </State>
          <State name="a choice">
            <Choice />
          </State>
          <State name="loading">
            <MenuButton look="plain" sections={[]} loading>
              Slow
            </MenuButton>
          </State>
          <State name="some, more loading">
            <MenuButton look="plain" sections={[ACTIONS]} loading>
              Slower
            </MenuButton>
          </State>
          <State name="failed">
            <MenuButton
              look="plain"
              sections={[]}
              problem={{ message: 'UNAVAILABLE: the server did not answer.', onRetry: () => {} }}
            >
              Broken
            </MenuButton>
          </State>
          <State name="empty">
            <MenuButton look="plain" sections={[]} empty="No other streams here">
              Empty
            </MenuButton>
          </State>
          <State name="disabled">
            <MenuButton look="plain" sections={[ACTIONS]} disabled>
              Disabled
            </MenuButton>
          </State>
        </States>
      </Part>
      <Part name="Dialog" about="Something to answer before the page goes on. What destroys names what goes.">
        <States>
          <State name="dialog">
            <SomeDialog />
          </State>
          <State name="wide, with a lot in it">
            <SomeDialog wide />
          </State>
          <State name="confirm by typing">
            <SomeConfirmation />
          </State>
          <State name="confirm, which fails">
            <SomeConfirmation fails />
          </State>
        </States>
      </Part>
      <Part name="Popover" about="A few fields beside their button.">
        <States>
          <State name="popover">
            <PopoverButton button="Filter by time">
              {(close) => (
                <form
                  className="grid gap-3"
                  onSubmit={(event) => {
                    event.preventDefault()
                    close()
                  }}
                >
                  <Field label="From" placeholder="2026-11-21 10:00" />
                  <Field label="To" placeholder="now" />
                  <Button look="main" type="submit" className="justify-self-start">
                    Filter
                  </Button>
                </form>
              )}
            </PopoverButton>
          </State>
        </States>
      </Part>
      <Part name="Tooltip" about="A line more, for a pointer that rests and for the keyboard. Never the only label.">
        <States>
          <State name="on a button">
            <Tooltip text="Nothing is lost: events go on coming and are counted.">
              <Button>Pause</Button>
            </Tooltip>
          </State>
          <State name="long">
            <Tooltip text={TEXTS.long} place="bottom">
              <Button look="quiet">Which one?</Button>
            </Tooltip>
          </State>
        </States>
      </Part>
      <Part
        name="Toast"
        about="What was done, in passing. It stays while somebody points at it. Errors belong elsewhere."
      >
        <States>
          <State name="plain">
            <Button onClick={() => toasts.add({ text: 'Link copied' })}>Say something</Button>
          </State>
          <State name="with a way back">
            <Button
              onClick={() =>
                toasts.add({
                  text: '/agents/summariser is paused',
                  action: { label: 'Undo', onPress: () => toasts.add({ text: 'Resumed' }) },
                })
              }
            >
              Pause it
            </Button>
          </State>
          <State name="hostile">
            <Button onClick={() => toasts.add({ text: `${TEXTS.hostile} ${TEXTS.long}` })}>Say too much</Button>
          </State>
        </States>
      </Part>
    </>
  )
}

function Choice() {
  const [chosen, setChosen] = useState('name')
  return (
    <MenuButton
      look="plain"
      place="bottom end"
      sections={[
        {
          id: 'order',
          title: 'Order',
          chosen,
          onChoose: setChosen,
          items: [
            { id: 'name', label: 'By name' },
            { id: 'created', label: 'By creation' },
          ],
        },
      ]}
    >
      <SettingsIcon /> View
    </MenuButton>
  )
}

function SomeDialog({ wide = false }: { readonly wide?: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button onPointerEnter={preloadDialogs} onFocus={preloadDialogs} onClick={() => setOpen(true)}>
        {wide ? 'Open a wide one' : 'Open'}
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title={wide ? TEXTS.long : 'New token'} wide={wide}>
        {wide ? (
          <div className="grid gap-3">
            {Array.from({ length: 40 }, (_, line) => (
              <p key={line}>
                {line + 1}. {TEXTS.hostile}
              </p>
            ))}
          </div>
        ) : (
          <div className="grid gap-4">
            <Field label="What is it for?" autoFocus />
            <Button look="main" className="justify-self-end" onClick={() => setOpen(false)}>
              Create token
            </Button>
          </div>
        )}
      </Dialog>
    </>
  )
}

function SomeConfirmation({ fails = false }: { readonly fails?: boolean }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Button look="danger" onPointerEnter={preloadDialogs} onFocus={preloadDialogs} onClick={() => setOpen(true)}>
        {fails ? 'Delete what cannot be' : 'Delete'}
      </Button>
      <ConfirmDialog
        open={open}
        onClose={() => setOpen(false)}
        title="Delete this stream?"
        typed={{ text: '/agents/summariser', what: 'the path of the stream' }}
        action="Delete stream"
        onConfirm={
          fails ? () => Promise.reject(new Error('stream is being written by 2 others')) : () => Promise.resolve()
        }
      >
        <p>
          The stream <code className="font-mono text-small">/agents/summariser</code> goes, with:
        </p>
        <ul className="list-disc ps-5">
          <li>1,204 events</li>
          <li>4 streams below it, with 88 events</li>
        </ul>
        <p className="text-soft">For 7 days it can be brought back.</p>
      </ConfirmDialog>
    </>
  )
}
