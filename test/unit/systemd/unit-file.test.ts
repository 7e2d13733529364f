import { describe, expect, test } from 'bun:test'
import { UnitFile } from '#systemd/unit-file.ts'

const parse = (text: string) => UnitFile.parse(text, '/u/x.container')

describe('UnitFile', () => {
  test('gives back what it read, with comments', () => {
    const text = '# top\n[Unit]\nDescription=A  b\n; note\nAfter=x.service\n\n[Service]\nType=notify\n'
    expect(parse(text).toText()).toBe(
      '[Unit]\n# top\nDescription=A  b\n; note\nAfter=x.service\n\n[Service]\nType=notify\n',
    )
  })

  test('joins continued lines, past comments between them', () => {
    const unit = parse('[Container]\nExec=sh -c \\\n# why\n  "a b" \\\n  c\nImage=x')
    expect(unit.words('Container', 'Exec')).toEqual(['sh', '-c', 'a b', 'c'])
    expect(unit.last('Container', 'Image')).toBe('x')
  })

  test('an empty value takes back those before it', () => {
    const unit = parse('[C]\nDNS=1\nDNS=\nDNS=2\nDNS=3\nA=1\nA=')
    expect(unit.all('C', 'DNS')).toEqual(['2', '3'])
    expect(unit.all('C', 'A')).toEqual([])
    expect(unit.text('C', 'A')).toBeUndefined()
  })

  test('groups of one name are one', () => {
    const unit = parse('[C]\nA=1\n[D]\nB=2\n[C]\nA=3')
    expect(unit.all('C', 'A')).toEqual(['1', '3'])
    expect(unit.keys('C')).toEqual(['A'])
  })

  test.each([
    ['yes', true],
    ['On', true],
    ['1', true],
    ['no', false],
    ['false', false],
    ['', undefined],
  ])('boolean %p', (text, value) => expect(parse(`[C]\nA=${text}`).boolean('C', 'A')).toBe(value))

  test('refuses what is neither', () => {
    expect(() => parse('[C]\nA=maybe').boolean('C', 'A')).toThrow('A=maybe in [C]: must be yes or no')
    expect(() => parse('[C]\nnonsense')).toThrow('reading "/u/x.container": line 2 is "nonsense", must be a group')
    expect(() => parse('A=1')).toThrow('line 1 sets "A" before any group')
  })
})
