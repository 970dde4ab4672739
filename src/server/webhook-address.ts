import { type LookupAddress, promises as dns } from 'node:dns'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { ItxError, shown } from '../streams/errors.ts'

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>

export const resolveByDns: Resolve = (hostname) => dns.lookup(hostname, { all: true, verbatim: true })

/** Where a webhook may be sent: the address that was looked at is the one to connect to. */
export interface WebhookTarget {
  readonly url: URL
  /** Never empty; every one of them was looked at. */
  readonly addresses: readonly LookupAddress[]
}

/** What no webhook reaches in IPv4, by the registry of special purposes (RFC 6890). */
const CLOSED_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]
/** In IPv6 only what is routed at all, and of that nothing that stands for something else: Teredo, 6to4, documentation. */
const OPEN_IPV6 = ['2000::/3']
const CLOSED_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const closedIpv4 = blockList(CLOSED_IPV4, 'ipv4')
const openIpv6 = blockList(OPEN_IPV6, 'ipv6')
const closedIpv6 = blockList(CLOSED_IPV6, 'ipv6')

/**
 * Judges an address without asking anybody: its form, its scheme, and an IP address in it.
 *
 * @param localhost whether receivers on this very machine are allowed, over http alone
 * @throws {ItxError} BAD_REQUEST `webhook-url`.
 */
export function checkWebhookUrl(text: string, { localhost }: { readonly localhost: boolean }): URL {
  // What a parser of URLs forgives, another may read otherwise.
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes('\\') || !URL.canParse(text)) throw refused(text, 'is no URL')
  const url = new URL(text)
  const [, authority = ''] = /^[a-z]+:\/\/([^/?#]*)/i.exec(text) ?? []
  if (authority.includes('@')) throw refused(text, 'must not hold a user or a password')
  const host = bareHost(url)
  if (isIPv4(host) && authority.replace(/:\d*$/, '') !== host) {
    throw refused(text, `must spell the IP address as ${host}`)
  }
  if (isLocal(url)) {
    if (localhost) return url
    throw refused(text, 'must not lead to this machine; TRIBUTARY_WEBHOOK_LOCALHOST=true allows it')
  }
  if (url.protocol !== 'https:') throw refused(text, 'must begin with https://')
  if (isIP(host) !== 0 && !isPublic(host)) throw refused(text, 'must not lead to a private or reserved address')
  if (/(?:^|\.)localhost\.?$/.test(host)) throw refused(text, 'must not lead to this machine')
  return url
}

/**
 * Looks up where a webhook leads, and answers with the addresses that were looked at. Whoever connects must use those: a
 * name that is asked for again may lead elsewhere.
 *
 * @throws {ItxError} BAD_REQUEST `webhook-url`; what the look-up throws.
 */
export async function webhookTarget(
  text: string,
  options: { readonly localhost: boolean; readonly resolve: Resolve },
): Promise<WebhookTarget> {
  const url = checkWebhookUrl(text, options)
  const host = bareHost(url)
  const family = isIP(host)
  if (family !== 0) return { url, addresses: [{ address: host, family }] }
  const addresses = await options.resolve(host)
  if (addresses.length === 0) throw refused(text, 'leads nowhere')
  const allowed = isLocal(url) ? isLoopback : isPublic
  // One of many is enough to refuse: which one a connection takes is not ours to say.
  const closed = addresses.find(({ address }) => !allowed(address))
  if (closed) throw refused(text, 'must not lead to a private or reserved address')
  return { url, addresses }
}

/** The one exception: a receiver on this machine, named as such, over plain http. */
function isLocal(url: URL): boolean {
  const host = bareHost(url)
  return url.protocol === 'http:' && (host === 'localhost' || (isIPv4(host) && host.startsWith('127.')))
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIPv4(address) && address.startsWith('127.'))
}

/** Whether an address is one of the internet at large. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !closedIpv4.check(address, 'ipv4')
    case 6:
      return openIpv6.check(address, 'ipv6') && !closedIpv6.check(address, 'ipv6')
    default:
      return false
  }
}

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1')
}

function blockList(subnets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}

function refused(text: string, why: string): ItxError {
  return new ItxError('BAD_REQUEST', `the webhook ${shown(text)} ${why}`, {
    reason: 'webhook-url',
    field: 'webhook.url',
  })
}
