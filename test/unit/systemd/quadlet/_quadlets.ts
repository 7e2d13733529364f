// Quadlet files as texts, and the services made of them.
import type { SourceUnit } from '#systemd/quadlet/draft.ts'
import { type Translation, translateUnits } from '#systemd/quadlet/translate.ts'
import { UnitFile } from '#systemd/unit-file.ts'

export const folder = '/home/u/.config/containers/systemd'

export function translate(files: Record<string, string>, isUser = true, canSplit = true): Translation {
  const sources: SourceUnit[] = Object.entries(files).map(([name, text]) => ({
    name,
    path: `${folder}/${name}`,
    unit: UnitFile.parse(text, `${folder}/${name}`),
  }))
  const program = ['/usr/bin/tspod']
  return translateUnits(sources, { program, isUser, canSplit, exists: path => path === '/dev/null' })
}

/** The service of one file, beside others. Throws why there is none. */
export function service(name: string, text: string, others: Record<string, string> = {}): UnitFile {
  const { services, failures } = translate({ ...others, [name]: text })
  const failure = failures.find(({ source }) => source.name === name)
  if (failure !== undefined) throw failure.error
  const found = services.find(({ source }) => source.name === name)
  if (found === undefined) throw new Error(`no service of ${name}`)
  return found.unit
}
