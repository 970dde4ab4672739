import { Child, type ChildOptions } from './child.ts'
import type { Operations } from './peer-process.ts'

/** A bare server in a process of its own (`peer-process.ts`). Stop it. */
export type Peer = Child<Operations, { readonly port: number }>

export function startPeer(
  kind: 'capnweb' | 'sockets' | 'page' | 'accept',
  { port = 0, ...rest }: ChildOptions & { readonly port?: number } = {},
): Promise<Peer> {
  return Child.start('peer-process.ts', [kind, String(port)], rest)
}
