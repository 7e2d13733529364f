// A time in templates: prints as Go's time.Time does, which is what scripts that parse `{{.Created}}` expect. Pure.
import { TemplateObject } from './template/values.ts'

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/
const months = 'January February March April May June July August September October November December'.split(' ')
const weekdays = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

export class GoTime extends TemplateObject {
  readonly #text: string

  /** `text` is RFC 3339. */
  constructor(text: string) {
    super()
    this.#text = text
  }

  toString(): string {
    const [, date, time, fraction = '', zone = 'Z'] = rfc3339.exec(this.#text) ?? []
    const digits = fraction.replace(/\.?0+$/, '')
    return zone === 'Z'
      ? `${date} ${time}${digits} +0000 UTC`
      : `${date} ${time}${digits} ${zone.replace(':', '')} ${zone.replace(':', '')}`
  }

  toJSON(): string {
    return this.#text
  }

  Unix(): number {
    return Math.floor(Date.parse(this.#text) / 1000)
  }

  IsZero(): boolean {
    return this.#text.startsWith('0001-01-01T00:00:00')
  }

  /** Go's reference layout, `2006-01-02 15:04:05`. */
  Format(layout: string): string {
    const [, date = '', time = '', fraction = '', zone = 'Z'] = rfc3339.exec(this.#text) ?? []
    const [year = '', month = '', day = ''] = date.split('-')
    const [hour = '', minute = '', second = ''] = time.split(':')
    const twelve = Number(hour) % 12 === 0 ? 12 : Number(hour) % 12
    const weekday = weekdays[new Date(`${date}T00:00:00Z`).getUTCDay()] ?? ''
    const monthName = months[Number(month) - 1] ?? ''
    const parts: Record<string, string> = {
      January: monthName,
      Jan: monthName.slice(0, 3),
      Monday: weekday,
      Mon: weekday.slice(0, 3),
      MST: zone === 'Z' ? 'UTC' : zone.replace(':', ''),
      '2006': year,
      '06': year.slice(2),
      '01': month,
      '02': day,
      _2: String(Number(day)).padStart(2),
      '15': hour,
      '03': String(twelve).padStart(2, '0'),
      '04': minute,
      '05': second,
      PM: Number(hour) < 12 ? 'AM' : 'PM',
      pm: Number(hour) < 12 ? 'am' : 'pm',
      'Z07:00': zone,
      '-07:00': zone === 'Z' ? '+00:00' : zone,
      '-0700': zone === 'Z' ? '+0000' : zone.replace(':', ''),
      '1': String(Number(month)),
      '2': String(Number(day)),
      '3': String(twelve),
      '4': String(Number(minute)),
      '5': String(Number(second)),
    }
    return layout.replace(
      /January|Jan|Monday|Mon|MST|2006|06|01|02|_2|15|03|04|05|PM|pm|Z07:00|-07:00|-0700|[.,](?:0+|9+)(?!\d)|[1-5]/g,
      found => parts[found] ?? fractionFor(found, fraction.slice(1)),
    )
  }
}

function fractionFor(layout: string, digits: string): string {
  const wanted = layout.length - 1
  const exact = digits.padEnd(wanted, '0').slice(0, wanted)
  const kept = layout.includes('9') ? exact.replace(/0+$/, '') : exact
  return kept === '' ? '' : (layout[0] ?? '') + kept
}

/** The same JSON with every RFC 3339 text under one of these names as a GoTime. */
export function withTimes(value: unknown, names: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map(item => withTimes(item, names))
  if (typeof value !== 'object' || value === null || value instanceof TemplateObject) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) =>
      names.has(key) && typeof item === 'string' && rfc3339.test(item)
        ? [key, new GoTime(item)]
        : [key, withTimes(item, names)],
    ),
  )
}
