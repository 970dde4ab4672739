import { ItxError } from '../errors.ts'
import { utf8Bytes } from '../utf8.ts'
import type { BreakerLimits } from './breaker.ts'

/** What can be set of a stream. Absent: the default, which is off. */
export interface StreamConfig {
  readonly circuitBreaker?: BreakerLimits
  /** Whether live readers that come and go become events. */
  readonly recordPresence?: boolean
}

/** A change of configuration: null takes a setting back to its default. */
export type ConfigChange = { readonly [K in keyof StreamConfig]?: StreamConfig[K] | null }

/** Bytes of a stream's configuration and of its metadata, at most: both are rewritten with its state. */
export const MAX_CONFIG_BYTES = 4 * 1024
export const MAX_METADATA_BYTES = 16 * 1024

/**
 * Validates a change of configuration.
 *
 * @throws {ItxError} BAD_REQUEST naming the setting and what it may be.
 */
export function checkConfigChange(value: unknown): ConfigChange {
  if (!isRecord(value)) throw bad('config', 'config must be an object')
  for (const [key, setting] of Object.entries(value)) {
    if (key === 'circuitBreaker') {
      if (setting !== null) checkBreaker(setting)
    } else if (key === 'recordPresence') {
      if (setting !== null && typeof setting !== 'boolean') throw bad(key, 'recordPresence must be true, false or null')
    } else throw bad(key, `unknown setting ${JSON.stringify(key.slice(0, 80))}`)
  }
  return value as ConfigChange
}

/** The configuration after a change. */
export function changedConfig(config: StreamConfig, change: ConfigChange): StreamConfig {
  const merged = Object.entries({ ...config, ...change }).filter(([, setting]) => setting !== null)
  return Object.fromEntries(merged) as StreamConfig
}

/**
 * Validates a stream's metadata: any JSON object of at most 16 KiB.
 *
 * @throws {ItxError} BAD_REQUEST with the limit and the size.
 */
export function checkMetadata(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw bad('metadata', 'metadata must be an object')
  const bytes = utf8Bytes(JSON.stringify(value))
  if (bytes > MAX_METADATA_BYTES) {
    throw new ItxError('BAD_REQUEST', `metadata has ${bytes} bytes; at most ${MAX_METADATA_BYTES}`, {
      field: 'metadata',
      reason: 'too-large',
      size: bytes,
      limit: MAX_METADATA_BYTES,
    })
  }
  return value
}

function checkBreaker(value: unknown): void {
  if (!isRecord(value)) throw bad('circuitBreaker', 'circuitBreaker must be an object or null')
  for (const key of Object.keys(value)) {
    if (key !== 'burstCapacity' && key !== 'refillRatePerMinute') {
      throw bad('circuitBreaker', `unknown setting ${JSON.stringify(key.slice(0, 80))} in circuitBreaker`)
    }
  }
  for (const key of ['burstCapacity', 'refillRatePerMinute'] as const) {
    const number = value[key]
    if (typeof number !== 'number' || !Number.isFinite(number) || number < 0 || number > 1e12) {
      throw bad('circuitBreaker', `circuitBreaker.${key} must be a number from 0 to 1e12`)
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function bad(field: string, message: string): ItxError {
  return new ItxError('BAD_REQUEST', message, { field: field.slice(0, 80) })
}
