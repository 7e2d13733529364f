// Picks the log driver. Runs in the monitor; each driver's code is loaded only where it serves.
import type { LogConfig } from '#container/log-config.ts'
import { type LogDriver, noLog } from './driver.ts'

/** Opens the log that was decided. Throws where its file cannot be opened. */
export async function openLog(config: LogConfig): Promise<LogDriver> {
  switch (config.driver) {
    case 'k8s-file':
      return new (await import('./k8s-file.ts')).K8sFileLog(config)
    case 'json-file':
      return new (await import('./json-file.ts')).JsonFileLog(config)
    case 'none':
    case 'passthrough':
      return noLog
  }
}
