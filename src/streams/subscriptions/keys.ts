import type { WakeName } from './wake.ts'

/** What a token stands for: working on one wake. */
export interface WakeGrant extends WakeName {
  readonly projectId: string
  readonly subscriptionId: string
}

/** A public key, as receivers find it. */
export interface WebhookJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  readonly x: string
  readonly kid: string
  readonly use: 'sig'
  readonly alg: 'EdDSA'
}

/** The keys of wakes, for the doors. */
export interface WakeKeys {
  /** The key with which the webhooks of a project are signed. */
  publicKey(projectId: string): WebhookJwk
  /** A key that nothing is signed with, always the same for a name: nobody learns which projects there are. */
  decoyKey(name: string): WebhookJwk
  mint(grant: WakeGrant): string
  verify(token: string): WakeGrant | 'invalid' | 'expired'
}
