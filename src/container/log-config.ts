// `--log-driver` and `--log-opt`: where a container's output is kept, and how much of it. Pure.
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { parseByteSize } from './options/size.ts'

export type LogConfig =
  | { driver: 'k8s-file' | 'json-file'; path: string; maxSizeBytes?: number; maxFiles: number }
  /** `none`: nothing is kept; `passthrough`: the container has the caller's own descriptors */
  | { driver: 'none' | 'passthrough' }

/** Decides from driver and options; `folder` is the container's, where the log lies by default. Throws INVALID or UNSUPPORTED. */
export function parseLogConfig(driver: string, options: Record<string, string>, folder: string): LogConfig {
  switch (driver) {
    case 'k8s-file':
    case 'json-file':
      return fileConfig(driver, options, folder)
    case 'none':
    case 'passthrough':
      refuseOthers(driver, options, [])
      return { driver }
    case 'journald':
      throw new TspodError('UNSUPPORTED', 'the log driver "journald" is not implemented yet', {
        hint: 'use k8s-file, json-file, none or passthrough',
      })
    default:
      throw new TspodError(
        'INVALID',
        `invalid log driver "${driver}": must be k8s-file, json-file, none or passthrough`,
      )
  }
}

function fileConfig(driver: 'k8s-file' | 'json-file', options: Record<string, string>, folder: string): LogConfig {
  refuseOthers(driver, options, driver === 'json-file' ? ['path', 'max-size', 'max-file'] : ['path', 'max-size'])
  const { path = join(folder, 'ctr.log'), 'max-size': size, 'max-file': files = '1' } = options
  if (!path.startsWith('/'))
    throw new TspodError('INVALID', `parsing --log-opt "path=${path}": must be an absolute path`)
  const maxFiles = Number(files)
  if (!/^[0-9]+$/.test(files) || maxFiles < 1 || maxFiles > 1000)
    throw new TspodError('INVALID', `parsing --log-opt "max-file=${files}": must be a number, 1 to 1000`)
  const config: LogConfig = { driver, path, maxFiles }
  // scripts pass -1 for no limit
  if (size !== undefined && size !== '-1') {
    const bytes = parseByteSize('--log-opt max-size', size)
    if (bytes > 0) config.maxSizeBytes = bytes
  }
  if (maxFiles > 1 && config.maxSizeBytes === undefined)
    throw new TspodError('INVALID', `parsing --log-opt "max-file=${files}": it needs max-size, which is not given`)
  return config
}

function refuseOthers(driver: string, options: Record<string, string>, known: string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const wanted = known.length === 0 ? 'it takes none' : `it takes ${known.join(', ')}`
    throw new TspodError('UNSUPPORTED', `the log driver "${driver}" has no option "${key}": ${wanted}`)
  }
}
