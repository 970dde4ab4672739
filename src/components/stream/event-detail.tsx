import { useMemo } from 'react'
import { type EncodedEvent, encodedBytes, eventJson } from '../../streams/event.ts'
import { Button } from '../ui/button.tsx'
import { CopyButton } from '../ui/copy-button.tsx'
import { formatBytes } from '../ui/formats.ts'
import { DownloadIcon } from '../ui/icons.tsx'
import { Moment } from '../ui/moment.tsx'
import { visibleJson, visibleName } from './foreign-text.ts'
import { prettyJson } from './pretty-json.ts'

/** Bytes of JSON that are shown; more would make the page hang (field notes, asks 17 to 23). */
const MOST_SHOWN = 256 * 1024

/** Everything that is stored of an event, as text, never as HTML. */
export function EventDetail({ event }: { readonly event: EncodedEvent }) {
  const { offset, createdAt, payload, metadata, source, idempotencyKey } = event
  return (
    <div className="grid gap-3 px-4 py-3">
      <div className="grid gap-1">
        <dl className="grid grid-cols-[auto_minmax(0,1fr)] gap-x-3 gap-y-0.5 text-small [&_dt]:text-soft">
          <dt>Appended</dt>
          <dd className="font-mono">
            <Moment iso={createdAt} />
          </dd>
          {idempotencyKey !== undefined && (
            <>
              <dt>Key</dt>
              <dd className="foreign font-mono wrap-anywhere">{visibleName(idempotencyKey)}</dd>
            </>
          )}
        </dl>
        <div className="-ms-1 flex flex-wrap gap-x-2">
          <CopyButton text={() => eventJson(event)} what="event" labelled />
          <CopyButton text={() => linkTo(offset)} what="link" labelled />
        </div>
      </div>
      {payload === undefined ? (
        <p className="text-small text-faint">No payload</p>
      ) : (
        <JsonPart name="payload" text={payload} offset={offset} />
      )}
      {metadata !== undefined && <JsonPart name="metadata" text={metadata} offset={offset} />}
      {source !== undefined && <JsonPart name="source" text={JSON.stringify(source)} offset={offset} />}
    </div>
  )
}

/** The address of this page with an event open. */
function linkTo(offset: number): string {
  const { origin, pathname } = window.location
  return `${origin}${pathname}?at=${offset}`
}

interface JsonPartProps {
  readonly name: string
  readonly text: string
  readonly offset: number
}

function JsonPart({ name, text, offset }: JsonPartProps) {
  const bytes = encodedBytes({ payload: text as NonNullable<EncodedEvent['payload']> })
  return (
    <section aria-label={name} className="min-w-0 rounded-sm border border-line bg-surface">
      <header className="flex items-center gap-2 border-b border-line py-0.5 ps-3 pe-1 text-small text-soft">
        <h3 className="me-auto">
          {name} <span className="text-faint">{formatBytes(bytes)}</span>
        </h3>
        {bytes <= MOST_SHOWN && <CopyButton text={text} what={name} />}
      </header>
      {bytes <= MOST_SHOWN ? (
        <JsonText text={text} />
      ) : (
        <TooLarge name={name} text={text} bytes={bytes} offset={offset} />
      )}
    </section>
  )
}

function JsonText({ text }: { readonly text: string }) {
  const shown = useMemo(() => visibleJson(prettyJson(text).toWellFormed()), [text])
  return (
    <pre
      // Long values scroll inside: a keyboard must be able to get there.
      tabIndex={0}
      className="foreign overflow-x-auto px-3 py-2 font-mono text-small wrap-anywhere whitespace-pre-wrap focus-visible:outline-offset-[-2px]"
    >
      {shown}
    </pre>
  )
}

function TooLarge({ name, text, bytes, offset }: JsonPartProps & { readonly bytes: number }) {
  const download = () => {
    const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
    const link = document.createElement('a')
    link.href = url
    link.download = `event-${offset}-${name}.json`
    link.click()
    // Not at once: the browser has yet to begin.
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-2 px-3 py-3">
      <p>Too large to display ({formatBytes(bytes)}). Stored in full.</p>
      <Button onClick={download}>
        <DownloadIcon /> Download
      </Button>
    </div>
  )
}
