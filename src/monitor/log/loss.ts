// What a full disk has cost, said in the log once there is space again. Runs in the monitor.
import type { LogDriver } from './driver.ts'
import type { RotatingFile } from './rotating-file.ts'

/** Tries to note in the log what it has lost; keeps counting where even that finds no space. */
export function noteLoss(file: RotatingFile, log: LogDriver): void {
  const loss = file.takeLoss()
  if (loss === undefined) return
  log.note(`tspod: ${loss.bytes} bytes of output are missing here: writing the log failed with ${loss.errno}`)
  if (file.takeLoss() !== undefined) file.giveBackLoss(loss)
}
