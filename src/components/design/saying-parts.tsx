import { Button } from '../ui/button.tsx'
import { CodeBlock } from '../ui/code-block.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorNotice, Notice } from '../ui/notice.tsx'
import { Panel } from '../ui/panel.tsx'
import { Progress } from '../ui/progress.tsx'
import { Skeleton } from '../ui/skeleton.tsx'
import { Snippets } from '../ui/snippets.tsx'
import { Part, State, TEXTS } from './specimen.tsx'

const SNIPPETS = [
  {
    kind: 'curl',
    code: 'curl https://tributary.example/api/streams/demo/notes \\\n  -H "Authorization: Bearer $TRIBUTARY_TOKEN" \\\n  -d \'{"type":"note"}\'',
  },
  { kind: 'TypeScript', code: "await stream('/notes').append({ type: 'note' })" },
  { kind: 'CLI', code: 'echo \'{"type":"note"}\' | npm run -s tributary -- append /notes' },
]

/** What the page says about itself: nothing here, still loading, gone wrong. */
export function SayingParts() {
  return (
    <>
      <Part name="Notice" about="Something to know, where the work is.">
        <Notice>You are in no project yet. Create one here, or ask somebody to add you to theirs.</Notice>
        <Notice tone="warn">This stream is paused: appends are refused until it is resumed.</Notice>
        <ErrorNotice code="QUOTA_EXCEEDED" message="event has 1,200,000 bytes; at most 1,048,576">
          <Button className="ms-3">Try again</Button>
        </ErrorNotice>
        <Notice>{TEXTS.hostile}</Notice>
        <Notice>{TEXTS.long}</Notice>
      </Part>
      <Part name="Empty state" about="One sentence, one thing to do, and the same from a terminal.">
        <EmptyState
          level={3}
          title="This stream does not exist yet"
          about="The first append creates it, and all that lie above it."
          action={<Button look="main">Append the first event</Button>}
          snippets={SNIPPETS}
          snippetsLabel="Append an event"
        />
        <EmptyState level={3} title="No event matches the filter" action={<Button>Clear the filter</Button>} />
      </Part>
      <Part
        name="Snippets"
        about="The same in several languages. The choice is remembered, and works without a script."
      >
        <Snippets label="Append" snippets={SNIPPETS} />
        <Snippets label="Something long" snippets={[{ kind: 'curl', code: TEXTS.long }]} />
        <CodeBlock label="Token, once" code="export TRIBUTARY_TOKEN=…" />
      </Part>
      <Part name="Progress" about="Above a second: how far, in numbers, and the way to end it.">
        <Progress label="Importing" done={1204} total={4000} unit="events" onCancel={() => {}} />
        <Progress
          label="Searching"
          done={1_200_000}
          total={4_000_000}
          unit="events"
          note="37 found"
          onCancel={() => {}}
          cancel="Stop"
        />
        <Progress label="Counting" done={77} unit="streams" />
        <Progress label="Done" done={10} total={10} unit="events" />
      </Part>
      <Part name="Skeleton" about="The place of rows that are on their way, seen after a tenth of a second.">
        <State name="five rows" wide>
          <Skeleton label="Loading members" rows={5} />
        </State>
      </Part>
      <Part name="Panel" about="A part of a page with a name of its own.">
        <div className="grid gap-4 sm:grid-cols-2">
          <Panel level={3} title="Retention" about="How long events stay." actions={<Button>Change</Button>}>
            <p>For ever.</p>
          </Panel>
          <Panel level={3} title={TEXTS.long} foot="Changed 3 minutes ago">
            <p className="wrap-anywhere">{TEXTS.hostile}</p>
          </Panel>
        </div>
      </Part>
    </>
  )
}
