import { describe, expect, test } from 'vitest'
import { DEFAULTS, type Preferences, cookieOf, isZone, preferencesOf } from './preferences.ts'

const kept = (preferences: Preferences) => cookieOf(preferences).split(';', 1)[0]

describe('preferences', () => {
  test('come back from their cookie as they were, among others', () => {
    const mine: Preferences = {
      theme: 'dark',
      density: 'comfortable',
      zone: 'America/Argentina/Buenos_Aires',
      times: 'relative',
      keys: 'off',
    }
    expect(preferencesOf(`a=b; ${kept(mine)}; session=x`)).toEqual(mine)
    expect(preferencesOf(kept({ ...DEFAULTS, zone: 'local' }))).toEqual({ ...DEFAULTS, zone: 'local' })
  })

  test.each([
    null,
    '',
    'tributary-view=',
    'tributary-view=%E0%A4%A',
    'tributary-view=theme%3Dneon%26zone%3DMars%252FOlympus%26density%3D%26keys%3Dmaybe%26__proto__%3D1',
    'other-tributary-view=theme%3Ddark',
  ])('are those by default where the cookie says nothing that can be used: %s', (cookies) => {
    expect(preferencesOf(cookies)).toEqual(DEFAULTS)
  })

  test('by default need no cookie', () => {
    expect(kept(DEFAULTS)).toBe('tributary-view=')
  })

  test('have zones that times can be shown in', () => {
    expect(['utc', 'local', 'Asia/Tokyo', 'Asia/Atlantis', ''].map(isZone)).toEqual([true, true, true, false, false])
  })
})
