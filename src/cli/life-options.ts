// Options for what a container's monitor does of its own accord: starting it again. Of run and create; some of update.
import { parsed } from './option.ts'
import { checkRestart } from './values.ts'

export const restartOption = parsed(
  'policy',
  'When it starts again by itself: no, on-failure[:retries], always, unless-stopped',
  checkRestart,
)

export const lifeOptions = {
  restart: restartOption,
}
