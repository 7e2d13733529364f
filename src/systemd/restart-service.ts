// The one service that starts, at boot, the containers whose restart policy says so. Pure.
import { joinWords } from './words.ts'

export const restartServiceName = 'tspod-restart.service'

/** Its text. At shutdown every monitor is asked to end by systemd, and stops its container: nothing is to be done here. */
export function restartServiceText(program: readonly string[]): string {
  return `[Unit]
Description=Start the containers that are to be always running
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${joinWords([...program, 'start', '--all', '--filter', 'should-start-on-boot=true'])}

[Install]
WantedBy=default.target
`
}
