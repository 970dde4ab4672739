import type { Instance } from '../itx/instance.ts'
import type { MessageReceipt, ProjectAccess } from '../itx/project-access.ts'
import { mediaType } from '../streams/content-type.ts'
import { ItxError, otherContentType, streamClosed } from '../streams/errors.ts'
import type { EncodedInput } from '../streams/event.ts'
import type { StreamPath } from '../streams/path.ts'
import { existingStream } from './existing-stream.ts'
import { jsonResponse, textResponse } from './http-error.ts'
import { formatOffset } from './http-offset.ts'
import { closes, producerOf, streamSeqOf, tailOf } from './protocol-headers.ts'
import { bodyBytes, utf8Text } from './request-body.ts'
import { ENVELOPE, ENVELOPE_LINES, bodyInputs, envelopesOf } from './stream-messages.ts'

/** `POST`: appends messages, closes the stream, or both; or appends envelopes (protocol, "Append" and "Close"). */
export function postStream(
  instance: Instance,
  access: ProjectAccess,
  path: StreamPath,
  request: Request,
): Promise<Response> {
  return access.appending(() => post(instance, access, path, request))
}

async function post(instance: Instance, access: ProjectAccess, path: StreamPath, request: Request): Promise<Response> {
  const close = closes(request.headers)
  access.require(close ? 'close' : 'append')
  const { headers } = request
  const { maxMessageBytes, maxBatchEvents } = instance.config.limits
  const producer = producerOf(headers)
  const streamSeq = streamSeqOf(headers)
  const header = headers.get('content-type')
  const type = mediaType(header)
  const body = await bodyBytes(request, maxMessageBytes)
  if (type === ENVELOPE || type === ENVELOPE_LINES) {
    if (producer || streamSeq !== undefined || close) throw envelopesHaveKeys()
    return postEnvelopes(access, path, envelopesOf(utf8Text(body), type === ENVELOPE_LINES, maxBatchEvents))
  }
  const appending = body.byteLength > 0
  if (!appending && !close) throw new ItxError('BAD_REQUEST', 'the body is empty', { field: 'body' })
  if (appending && type === '') throw new ItxError('BAD_REQUEST', 'there is no content type', { field: 'content-type' })
  const inputs = appending ? await inputsFor(access, path, type, body, maxBatchEvents) : []
  const receipt = await access.streams().appendMessages(path, {
    inputs,
    close,
    ...(appending ? { mediaType: type } : {}),
    ...(producer ? { producer } : {}),
    ...(streamSeq === undefined ? {} : { streamSeq }),
  })
  const isNew = producer && appending && !receipt.duplicate
  return textResponse(null, {
    status: isNew ? 200 : 204,
    headers: { ...receiptHeaders(receipt), ...(producer ? { 'producer-epoch': String(producer.epoch) } : {}) },
  })
}

/** The body as the stream takes it. The engine looks at the stream again, in the turn in which it stores. */
async function inputsFor(
  access: ProjectAccess,
  path: StreamPath,
  type: string,
  body: Uint8Array,
  maxBatchEvents: number,
): Promise<EncodedInput[]> {
  const state = await existingStream(access, path)
  if (mediaType(state.contentType) !== type) {
    if (state.closed) throw streamClosed(state)
    throw otherContentType(state)
  }
  const inputs = bodyInputs(body, type, maxBatchEvents)
  if (inputs.length === 0) throw new ItxError('BAD_REQUEST', 'the array is empty', { field: 'body' })
  return inputs
}

function receiptHeaders({ state, producerSeq }: MessageReceipt): Record<string, string> {
  return {
    'stream-next-offset': formatOffset(tailOf(state)),
    ...(state.closed ? { 'stream-closed': 'true' } : {}),
    ...(producerSeq === null ? {} : { 'producer-seq': String(producerSeq) }),
  }
}

async function postEnvelopes(
  access: ProjectAccess,
  path: StreamPath,
  inputs: readonly EncodedInput[],
): Promise<Response> {
  if (inputs.length === 0) throw new ItxError('BAD_REQUEST', 'there is no event in the body', { field: 'body' })
  const receipts = await access.streams().append(path, inputs, access.coreTypes)
  const { maxOffset } = await access.streams().state(path)
  return jsonResponse({ receipts, maxOffset })
}

function envelopesHaveKeys(): ItxError {
  return new ItxError(
    'BAD_REQUEST',
    'envelopes have idempotency keys and preconditions of their own: no producer, Stream-Seq or Stream-Closed beside them',
    { field: 'content-type' },
  )
}
