import { describe, expect, it } from 'vitest'
import { colours, type OutcomeName, outcomes } from '../../web/scanner/outcomes.ts'
import { ar } from '../../web/scanner/words/ar.ts'
import { de } from '../../web/scanner/words/de.ts'
import { en } from '../../web/scanner/words/en.ts'
import { es } from '../../web/scanner/words/es.ts'
import { fr } from '../../web/scanner/words/fr.ts'
import { hi } from '../../web/scanner/words/hi.ts'

const names = Object.keys(outcomes) as OutcomeName[]
const languages = { en, de, fr, es, hi, ar }

describe('what the door is told', () => {
  it.each(Object.entries(colours))('can be read on %s, in the rain', (_, { paper, ink }) => {
    expect(contrast(paper, ink)).toBeGreaterThanOrEqual(4.5)
  })

  it('is never told by colour alone: each tone of voice has icons and sounds of its own', () => {
    const sounds = new Map(names.map((name) => [name, JSON.stringify(outcomes[name].sound)]))
    expect(new Set(sounds.values()).size).toBe(names.length)
    const iconsOf = (tone: string) => names.filter((name) => outcomes[name].tone === tone).map((n) => outcomes[n].icon)
    expect(iconsOf('good')).toEqual(['check'])
    expect(names.filter((name) => outcomes[name].icon === 'check')).toEqual(['admitted'])
  })

  it('is felt: yes is one short pulse, and no other outcome feels like it', () => {
    const yes = JSON.stringify(outcomes.admitted.vibration)
    expect(names.filter((name) => JSON.stringify(outcomes[name].vibration) === yes)).toEqual(['admitted'])
    for (const name of names) expect(outcomes[name].vibration.length, name).toBeGreaterThan(0)
  })

  it('is over quickly, to the ear: the next person is waiting', () => {
    for (const name of names) {
      const ms = outcomes[name].sound.reduce((sum, note) => sum + note.ms + (note.gapMs ?? 0), 0)
      expect(ms, name).toBeLessThanOrEqual(700)
    }
  })
})

describe.each(Object.entries(languages))('the words in %s', (_, words) => {
  it('has a large word for each outcome that fits a phone', () => {
    for (const name of names) expect([...words.outcomes[name][0]].length, name).toBeLessThanOrEqual(16)
  })

  it('leaves nothing unsaid', () => {
    const empty = texts(words).filter((text) => text.trim() === '')
    expect(empty).toEqual([])
  })

  it('says the same outcome the same way everywhere, and yes unlike any no', () => {
    const yes = words.outcomes.admitted[0]
    expect(names.filter((name) => words.outcomes[name][0] === yes)).toEqual(['admitted'])
  })
})

function texts(words: unknown): string[] {
  if (typeof words === 'string') return [words]
  return Object.values(words as object).flatMap(texts)
}

/** WCAG 2.2, 1.4.3. */
function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
