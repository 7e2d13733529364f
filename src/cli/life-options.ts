// Options for what a container's monitor does of its own accord: starting it again, looking after its health. Of run and create; some of
// update.
import { choice, flag, integer, parsed, text } from './option.ts'
import { checkRestart, parseDurationOption } from './values.ts'

export const restartOption = parsed(
  'policy',
  'When it starts again by itself: no, on-failure[:retries], always, unless-stopped',
  checkRestart,
)

const duration = (description: string) => parsed('duration', description, parseDurationOption)

export const healthOptions = {
  healthCmd: text('command', 'Command that tells whether it is healthy, or a JSON list; none for no check'),
  healthInterval: text(
    'duration',
    'Time between two checks, such as 30s; disable for none but those of `healthcheck run`',
  ),
  healthMaxLogCount: integer('How many results are kept (default 5; 0 for all)'),
  healthMaxLogSize: integer('How much output of each is kept (default 500; 0 for all)'),
  healthOnFailure: choice(['none', 'kill', 'restart', 'stop'], 'What is done when it becomes unhealthy (default none)'),
  healthRetries: integer('Failures in a row that make it unhealthy (default 3)', 1),
  healthStartInterval: duration('Time between two checks in the start period'),
  healthStartPeriod: duration('Time in which failures do not count (default 0s)'),
  healthStartupCmd: text('command', 'Command that must succeed before the checks begin'),
  healthStartupInterval: duration('Time between two of those (default 30s)'),
  healthStartupRetries: integer('Failures after which it is started again (default 0: never)'),
  healthStartupSuccess: integer('Successes in a row that it takes (default 1)'),
  healthStartupTimeout: duration('Time that one of those may take (default 30s)'),
  healthTimeout: duration('Time that a check may take (default 30s)'),
  noHealthcheck: flag('Run no health check, also where the image has one'),
}

export const lifeOptions = {
  ...healthOptions,
  restart: restartOption,
}
