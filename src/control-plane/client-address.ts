import { BlockList, isIP } from 'node:net'

/** What srvx adds to a request. */
interface NodeContext {
  readonly ip?: string
  readonly runtime?: { readonly node?: { readonly req: { readonly socket: { readonly remoteAddress?: string } } } }
}

/** An IPv4 address as a socket that listens on IPv6 as well sees it. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/**
 * Tells whom a request comes from: the address of the connection, unless that is a proxy the operator has named. Then,
 * from right to left, the last address that a named proxy vouches for: what stands further left was written by whoever
 * connected, and may say anything (design page `itx.md`, "Security").
 */
export class ClientAddresses {
  readonly #proxies = new BlockList()

  /** @param proxies addresses and subnets that `loadConfig` has found to be such */
  constructor(proxies: readonly string[]) {
    for (const proxy of proxies) {
      const [address = '', prefix] = proxy.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (prefix === undefined) this.#proxies.addAddress(address, family)
      else this.#proxies.addSubnet(address, Number(prefix), family)
    }
  }

  /** The client behind an HTTP request that our server took. */
  ofRequest(request: Request): string | null {
    const { runtime, ip } = request as Request & NodeContext
    return this.of(runtime?.node?.req.socket.remoteAddress ?? ip, request.headers.get('x-forwarded-for'))
  }

  /**
   * The client behind a connection.
   *
   * @param connected the address at the other end; none when the connection has gone already
   * @param forwardedFor the header X-Forwarded-For as it came, several of them joined with commas
   */
  of(connected: string | undefined, forwardedFor: string | null | undefined): string | null {
    let client = plain(connected ?? '')
    if (client === null) return null
    const hops = forwardedFor?.split(',') ?? []
    while (this.#isProxy(client)) {
      const said = plain(hops.pop() ?? '')
      // Nothing more, or no address: what is known for sure is the proxy itself.
      if (said === null) return client
      client = said
    }
    return client
  }

  #isProxy(address: string): boolean {
    return this.#proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
}

/** An address in one spelling, without a port or a zone; null for what is none. */
function plain(text: string): string | null {
  const trimmed = text.trim()
  // Some proxies write a port behind the address; IPv6 then stands in brackets.
  const bare = /^\[(.+)\](?::\d+)?$/.exec(trimmed)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(trimmed)?.[1] ?? trimmed
  const address = MAPPED.exec(bare)?.[1] ?? bare.replace(/%.*$/, '')
  return isIP(address) === 0 ? null : address.toLowerCase()
}
