import { expect, test } from 'bun:test'
import { humanSize, spacedSize } from '#cli/format/sizes.ts'

const cases: [number, string][] = [
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [1024, '1.02kB'],
  [11_331, '11.3kB'],
  [999_499, '999kB'],
  [999_999, '1MB'],
  [7_735_000, '7.74MB'],
  [131_000_000, '131MB'],
  [5_400_000_000_000, '5.4TB'],
]
for (const [bytes, wanted] of cases)
  test(`${bytes} bytes are ${wanted}`, () => {
    expect(humanSize(bytes)).toBe(wanted)
  })

test('four digits and a space where podman has them', () => {
  expect(humanSize(11_331, 4)).toBe('11.33kB')
  expect(spacedSize(11_331)).toBe('11.3 kB')
})
