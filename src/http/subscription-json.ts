import { formatOffset } from './http-offset.ts'

/** What of a stream of a subscription is told. */
interface Told {
  readonly name: string
  readonly explicit: boolean
  readonly acked: number
}

/** A stream of a subscription, as a list of them has it (Durable Streams protocol, section 6.3). */
export function listedJson({ name, explicit, acked }: Told) {
  return {
    path: name,
    link_type: explicit ? 'explicit' : 'glob',
    // Linked before its first event, and nothing done since.
    acked_offset: acked < 0 ? '-1' : formatOffset(acked),
  }
}

/** As whoever works on a wake is told of it (sections 7.1 and 7.2). */
export function toldJson(stream: Told & { readonly tail: number; readonly pending: boolean }) {
  return { ...listedJson(stream), tail_offset: formatOffset(stream.tail), has_pending: stream.pending }
}

/** Where a subscription is addressed, and what is done with it. @param address the stream root, with a slash at its end */
export function subscriptionUrl(address: string, id: string, action: string): string {
  return `${address}__ds/subscriptions/${encodeURIComponent(id)}/${action}`
}
