import { Badge } from '../ui/badge.tsx'
import { Button, type ButtonLook, buttonClass } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { DeleteIcon, PauseIcon, PlusIcon, RefreshIcon } from '../ui/icons.tsx'
import { Kbd } from '../ui/kbd.tsx'
import { TAB, Tabs } from '../ui/tabs.tsx'
import { Pagination } from '../ui/pagination.tsx'
import { Part, State, States, TEXTS } from './specimen.tsx'

const LOOKS: readonly { readonly look: ButtonLook; readonly text: string }[] = [
  { look: 'main', text: 'Append' },
  { look: 'plain', text: 'Open' },
  { look: 'quiet', text: 'Pause' },
  { look: 'danger', text: 'Delete stream' },
]

/** What is pressed or followed. */
export function ButtonParts() {
  return (
    <>
      <Part name="Button" about="One main action on a page or in a form. Hover, press and focus are to be tried out.">
        {LOOKS.map(({ look, text }) => (
          <States key={look}>
            <State name={`${look}, rest`}>
              <Button look={look}>{text}</Button>
            </State>
            <State name="disabled">
              <Button look={look} disabled>
                {text}
              </Button>
            </State>
            <State name="with icon">
              <Button look={look}>
                {look === 'danger' ? <DeleteIcon /> : look === 'quiet' ? <PauseIcon /> : <PlusIcon />}
                {text}
              </Button>
            </State>
            <State name="icon alone">
              <Button look={look} className="size-7 px-0">
                <RefreshIcon />
                <span className="sr-only">Reload</span>
              </Button>
            </State>
            <State name="working">
              <Button look={look} disabled>
                Working…
              </Button>
            </State>
          </States>
        ))}
        <States>
          <State name="a link that looks like a button">
            <a href="#part-button" className={buttonClass()}>
              Your projects
            </a>
          </State>
          <State name="link in text">
            <span>
              See the{' '}
              <a href="#part-button" className="link">
                list of streams
              </a>
              .
            </span>
          </State>
          <State name="pressed">
            <Button look="quiet" aria-pressed="true">
              <PauseIcon />
              Paused
            </Button>
          </State>
          <State name="long text">
            <Button className="max-w-56 min-w-0">
              <span className="truncate">{TEXTS.long}</span>
            </Button>
          </State>
        </States>
      </Part>
      <Part name="Copy button" about="Copies, and says so.">
        <States>
          <State name="icon">
            <CopyButton text="/agents/summariser" what="path" />
          </State>
          <State name="with words">
            <CopyButton text="{}" what="event" labelled />
          </State>
        </States>
      </Part>
      <Part name="Badge" about="A word about the thing beside it.">
        <States>
          <State name="plain">
            <Badge before="Your role:">editor</Badge>
          </State>
          <State name="accent">
            <Badge tone="accent">live</Badge>
          </State>
          <State name="warn">
            <Badge tone="warn">paused</Badge>
          </State>
          <State name="danger">
            <Badge tone="danger">3 errors</Badge>
          </State>
          <State name="long">
            <span className="flex max-w-40">
              <Badge>
                <span className="truncate">{TEXTS.long}</span>
              </Badge>
            </span>
          </State>
        </States>
      </Part>
      <Part name="Keys" about="As they stand on the reader's own keyboard.">
        <States>
          <State name="together">
            <Kbd keys="mod+K" />
          </State>
          <State name="one after the other">
            <Kbd keys="g s" />
          </State>
          <State name="one">
            <Kbd keys="?" />
          </State>
          <State name="three">
            <Kbd keys="mod+shift+P" />
          </State>
        </States>
      </Part>
      <Part name="Tabs" about="The views of a page: links, since each has an address.">
        <Tabs label="Views of a stream">
          {['Feed', 'Events', 'State', 'Tables', 'Processors', 'Settings', 'Mirror'].map((view) => (
            <a key={view} href={`#${view}`} className={TAB} aria-current={view === 'Events' ? 'page' : undefined}>
              {view}
              {view === 'Processors' && <Badge tone="danger">1</Badge>}
            </a>
          ))}
        </Tabs>
      </Part>
      <Part name="Pagination" about="For lists that are no stream: a stream has offsets.">
        <Pagination
          label="Audit log"
          from={51}
          to={100}
          total={12_204}
          previous={
            <a href="#previous" className={buttonClass()}>
              Previous
            </a>
          }
          next={
            <a href="#next" className={buttonClass()}>
              Next
            </a>
          }
        />
        <Pagination label="Tokens" from={1} to={3} total={3} previous={null} next={null} />
        <Pagination label="Nothing" from={0} to={0} previous={null} next={null} />
      </Part>
    </>
  )
}
