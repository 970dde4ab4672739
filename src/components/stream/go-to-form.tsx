import { type SubmitEvent, useId, useState } from 'react'
import { useItxMutation } from '../../itx/react/hooks.ts'
import { offsetAt } from './offset-at.ts'
import { Button } from '../ui/button.tsx'
import { Failure } from '../ui/failure.tsx'
import { inZone } from '../ui/formats.ts'
import { instantIn } from '../ui/instant-in.ts'
import { ZoneName } from '../ui/moment.tsx'
import { useZone } from '../ui/use-zone.ts'

export interface GoToProps {
  readonly projectId: string
  readonly path: string
  /** When its newest event came, where that is known: where the time begins. */
  readonly lastEventAt: string | undefined
  readonly onOpen: (offset: number) => void
  readonly onDone: () => void
}

/** A time in the zone that the reader reads times in, or an offset. */
export function GoToForm({ projectId, path, lastEventAt, onOpen, onDone }: GoToProps) {
  const id = useId()
  const zone = useZone()
  const [problem, setProblem] = useState<string | null>(null)
  const find = useItxMutation(projectId, async (handle, time: number) => {
    using stream = handle.streams.get(path)
    return await offsetAt(stream, time)
  })
  const goTo = (offset: number) => {
    onDone()
    onOpen(offset)
  }
  const submitTime = async (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const time = instantIn(textOf(event.currentTarget, 'time'), zone)
    if (Number.isNaN(time)) return setProblem('Give a day and a time.')
    setProblem(null)
    try {
      const offset = await find.mutateAsync(time)
      if (offset === null) setProblem('All events of this stream are older.')
      else goTo(offset)
    } catch {
      // It stands below.
    }
  }
  const submitOffset = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault()
    const offset = Number(textOf(event.currentTarget, 'offset'))
    if (Number.isSafeInteger(offset) && offset >= 1) goTo(offset)
    else setProblem('An offset is a whole number from 1.')
  }
  return (
    <div className="grid gap-3">
      <form onSubmit={submitOffset} noValidate className="grid gap-1">
        <label htmlFor={`${id}-offset`} className="text-small text-soft">
          The event at the offset
        </label>
        <div className="flex flex-wrap gap-2">
          <input
            id={`${id}-offset`}
            name="offset"
            inputMode="numeric"
            autoComplete="off"
            // What the popover is opened for.
            autoFocus
            className="field w-auto min-w-0 flex-1 basis-56 px-2 py-1 font-mono text-small"
          />
          <Button type="submit">Go</Button>
        </div>
      </form>
      <form onSubmit={(event) => void submitTime(event)} className="grid gap-1">
        <label htmlFor={`${id}-time`} className="text-small text-soft">
          The first event at or after, in <ZoneName />
        </label>
        <div className="flex flex-wrap gap-2">
          <input
            id={`${id}-time`}
            name="time"
            type="datetime-local"
            step="0.001"
            defaultValue={lastEventAt === undefined ? undefined : fieldValue(lastEventAt, zone)}
            className="field w-auto min-w-0 flex-1 basis-56 px-2 py-1 font-mono text-small"
          />
          <Button type="submit" disabled={find.isPending}>
            {find.isPending ? 'Looking…' : 'Go'}
          </Button>
        </div>
      </form>
      {problem !== null && (
        <p role="alert" className="text-small text-danger">
          {problem}
        </p>
      )}
      {find.error && <Failure error={find.error} isAct />}
    </div>
  )
}

/** A time as a date field has it. */
function fieldValue(iso: string, zone: string): string {
  const { day, clock } = inZone(iso, zone)
  return `${day}T${clock}`
}

function textOf(form: HTMLFormElement, name: string): string {
  return String(new FormData(form).get(name)).replaceAll(/[\s,_]/g, '')
}
