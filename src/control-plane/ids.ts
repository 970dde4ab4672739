import { randomBytes } from 'node:crypto'

// 32 letters and digits, so that five bits of a random byte pick one without bias. Lower case: ids name files.
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'

/** A new id: the prefix and 20 random characters (100 bits), lower-case letters and the digits 2 to 7. */
export function newId(prefix: 'prj_' | 'tok_' | 'usr_' | 'org_' | 'row_'): string {
  let id: string = prefix
  for (const byte of randomBytes(20)) id += ALPHABET.charAt(byte & 31)
  return id
}
