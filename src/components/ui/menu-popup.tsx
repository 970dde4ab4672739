import { useRouter } from '@tanstack/react-router'
import type { ReactNode, RefObject } from 'react'
import {
  Autocomplete,
  Header,
  Input,
  Menu,
  MenuItem,
  MenuSection,
  Popover,
  RouterProvider,
  SearchField,
} from 'react-aria-components'
import { CheckIcon } from './icons.tsx'
import { Kbd } from './kbd.tsx'
import type { MenuContent, MenuPlace, MenuItem as Item, MenuSearch, MenuSection as Section } from './menu-items.ts'

interface MenuPopupProps extends MenuContent {
  readonly labelledBy: string
  readonly trigger: RefObject<HTMLElement | null>
  readonly place: MenuPlace
  /** Which item has the focus at first. */
  readonly focus: 'first' | 'last' | 'none'
  readonly onClose: () => void
}

/** The open menu. Loaded by `MenuButton` alone, since React Aria comes with it. */
export function MenuPopup({ labelledBy, trigger, place, focus, onClose, ...content }: MenuPopupProps) {
  const router = useRouter()
  const { sections, loading = false, problem, empty = 'Nothing here', search } = content
  const some = sections.some(({ items }) => items.length > 0)
  return (
    <RouterProvider navigate={(href) => router.history.push(href)}>
      <Popover
        isOpen
        onOpenChange={(open) => !open && onClose()}
        triggerRef={trigger}
        trigger="MenuTrigger"
        placement={place}
        offset={4}
        aria-labelledby={labelledBy}
        className="float max-w-[min(24rem,calc(100vw-1rem))] min-w-44 overflow-auto py-1"
      >
        <Searched search={search}>
          <Menu
            // Anew when the first items come: the focus is given as it is built.
            key={some || search ? 'items' : 'none'}
            aria-labelledby={labelledBy}
            {...(!search && { autoFocus: focus === 'none' ? true : focus })}
            onClose={onClose}
            className="outline-none"
          >
            {sections.map((section) => (
              <Lines key={section.id} section={section} />
            ))}
            {loading && <Saying id="loading" text="Loading…" />}
            {!loading && !problem && !some && <Saying id="empty" text={empty} />}
            {problem && (
              <MenuItem
                id="retry"
                textValue="Try again"
                shouldCloseOnSelect={false}
                onAction={problem.onRetry}
                className={`${LINE} text-danger`}
              >
                <span className="min-w-0 wrap-anywhere">
                  {problem.message} <span className="underline">Try again</span>
                </span>
              </MenuItem>
            )}
          </Menu>
        </Searched>
      </Popover>
    </RouterProvider>
  )
}

/** A menu below the field that it has. The focus stays in the field, and the arrows go through the items. */
function Searched({ search, children }: { readonly search: MenuSearch | undefined; readonly children: ReactNode }) {
  if (!search) return children
  return (
    <Autocomplete inputValue={search.text} onInputChange={search.onText}>
      <SearchField aria-label={search.label} autoFocus className="sticky top-0 z-1 bg-raised px-1.5 pb-1">
        <Input
          placeholder={search.label}
          maxLength={search.maxLength}
          autoCapitalize="none"
          spellCheck={false}
          className="field w-full px-2 py-1 text-small"
        />
      </SearchField>
      {children}
    </Autocomplete>
  )
}

const LINE =
  'menu-line flex min-h-row cursor-default items-center gap-2 px-2.5 py-0.5 text-base data-disabled:text-faint'

function Lines({ section }: { readonly section: Section }) {
  const { title, items, chosen, onChoose } = section
  if (items.length === 0) return null
  const choice = chosen !== undefined
  const marked = choice || items.some(({ current }) => current)
  return (
    <MenuSection
      aria-label={title ?? 'Items'}
      className="menu-section"
      {...(choice && {
        selectionMode: 'single' as const,
        selectedKeys: [chosen],
        disallowEmptySelection: true,
        shouldCloseOnSelect: false,
        onSelectionChange: (keys) => {
          const [id] = keys === 'all' ? [] : keys
          if (id !== undefined) onChoose?.(String(id))
        },
      })}
    >
      {title !== undefined && (
        <Header className="px-2.5 pt-1.5 pb-0.5 text-small font-medium text-faint">{title}</Header>
      )}
      {items.map((item) => (
        <Line key={item.id} item={item} marked={marked} />
      ))}
    </MenuSection>
  )
}

interface LineProps {
  readonly item: Item
  /** One of its section has a mark: all leave room for it. */
  readonly marked: boolean
}

/** When the menu has closed and its button has the focus again: a dialog that opens then gives it back to the button. */
function afterwards(run: () => void): void {
  requestAnimationFrame(() => requestAnimationFrame(run))
}

function Line({ item, marked }: LineProps) {
  const { id, label, icon, detail, keys, href, current = false, mono = false, tone = 'plain', onAction } = item
  return (
    <MenuItem
      id={id}
      textValue={label}
      isDisabled={item.disabled ?? false}
      {...(href !== undefined && { href })}
      {...(onAction && { onAction: item.keepOpen ? onAction : () => afterwards(onAction) })}
      {...(item.keepOpen && { shouldCloseOnSelect: false })}
      {...(current && {
        // React Aria passes no aria-current on.
        render: (props: object) =>
          href === undefined ? <div {...props} aria-current="true" /> : <a {...props} aria-current="page" />,
      })}
      className={`${LINE} ${tone === 'danger' ? 'text-danger' : 'text-ink'} ${current ? 'font-medium' : ''}`}
    >
      {({ isSelected }) => (
        <>
          {marked && (
            <span className="grid w-4 shrink-0 place-items-center text-accent">
              {(isSelected || current) && <CheckIcon />}
            </span>
          )}
          {icon}
          <span className={`foreign min-w-0 flex-1 wrap-anywhere ${mono ? 'font-mono text-small' : ''}`}>{label}</span>
          {detail !== undefined && <span className="text-small text-faint">{detail}</span>}
          {keys !== undefined && <Kbd keys={keys} />}
        </>
      )}
    </MenuItem>
  )
}

/** A line that nothing can be done with. */
function Saying({ id, text }: { readonly id: string; readonly text: string }) {
  return (
    <MenuItem id={id} textValue={text} isDisabled className={`${LINE} text-faint`}>
      {text}
    </MenuItem>
  )
}
