// Amounts as Kubernetes writes them: `500m`, `1.5`, `128Mi`, `1e3`. Pure.
import type { KubeField } from './field.ts'

const powers: Record<string, number> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** The amount in units; a plain number is one too. Throws INVALID naming the field. */
export function quantityOf(field: KubeField): number {
  const { value } = field
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  const [, digits = '', exponent = '', suffix = ''] =
    /^\+?(\d+(?:\.\d*)?|\.\d+)(?:([eE][+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?$/.exec(String(value)) ?? []
  const power = powers[suffix]
  if (typeof value !== 'string' || digits === '' || power === undefined)
    throw field.error(`is ${JSON.stringify(value)}, must be an amount such as 500m, 2 or 128Mi`)
  return Number(`${digits}${exponent}`) * power
}
