// `tspod build`.
import { writeFileSync } from 'node:fs'
import { buildOptions } from '#cli/build-options.ts'
import { buildRequest } from '#cli/build-request.ts'
import { defineCommand } from '#cli/command.ts'
import { reportError } from '#cli/errors.ts'
import { type BuildProgressKind, openBuildProgress } from '#cli/format/build-progress.ts'
import { Interrupted } from '#cli/interrupted.ts'
import { print, printError, printLine } from '#cli/output.ts'
import type { BuildOutcome, FailedState } from '#engine/contracts/build.ts'
import { during } from '#errors.ts'

export const buildCommand = defineCommand({
  usage: '[options] [CONTEXT]',
  description:
    'CONTEXT is a folder, a tar archive (a file, a URL or `-` for standard input) or a git repository; the current folder where it is left out and -f is given.',
  examples: ['build -t web .', 'build -f deploy/Containerfile --target test .', 'build -o type=local,dest=out .'],
  options: buildOptions,
  operands: '[context]',
  completes: ['folders', 'none'],
  async run(values, [context]) {
    const stop = new AbortController()
    const { isTTY, columns, rows } = process.stderr
    const wanted = values.quiet === true ? 'quiet' : (values.progress ?? 'auto')
    const kind: BuildProgressKind = wanted === 'auto' ? (isTTY ? 'tty' : 'plain') : wanted
    const progress = openBuildProgress(kind, { write: printError, columns: columns || 80, rows: rows || 24 })
    using shown = new DisposableStack()
    shown.use(progress)
    const request = await buildRequest(values, context, { onEvent: progress.onEvent, signal: stop.signal })
    if (values.check === true) {
      shown.dispose()
      const { checkBuild } = await import('#engine/image/build-check.ts')
      const { formatCheck } = await import('#cli/format/build-check.ts')
      const checked = await checkBuild(request)
      print(formatCheck(checked))
      return checked.warnings.length === 0 ? 0 : 1
    }
    if (values.explain === true) {
      shown.dispose()
      const { explainBuild } = await import('#engine/image/build-explain.ts')
      print((await explainBuild(request)).map(line => `${line}\n`).join(''))
      return 0
    }
    const failed: FailedState[] = []
    if (values.debugShell === true) request.onFailedState = state => failed.push(state)
    const interrupt = (signal: NodeJS.Signals): void => stop.abort(new Interrupted(signal))
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, interrupt)
    const { buildImage } = await import('#engine/image/build.ts')
    let outcome: BuildOutcome
    try {
      outcome = await buildImage(request)
    } catch (error) {
      if (error instanceof Interrupted) return 128 + error.number
      shown.dispose()
      const [state] = failed
      if (state === undefined) throw error
      for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.removeListener(name, interrupt)
      const status = await reportError(error)
      const { openDebugShell } = await import('#cli/debug-shell.ts')
      await openDebugShell(state)
      return status
    } finally {
      shown.dispose()
    }
    const { imageId, digest, names } = outcome
    if (imageId === undefined) return 0
    writeFile('--iidfile', values.iidfile, `sha256:${imageId}`)
    writeFile(
      '--metadata-file',
      values.metadataFile,
      JSON.stringify({
        'containerimage.config.digest': `sha256:${imageId}`,
        'containerimage.digest': digest,
        ...(names.length > 0 && { 'image.name': names.join(',') }),
      }),
    )
    if (kind !== 'quiet') for (const name of names) printError(`Successfully tagged ${name}\n`)
    printLine(imageId)
    return 0
  },
})

function writeFile(option: string, path: string | undefined, text: string): void {
  if (path === undefined) return
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw during(`writing ${option} "${path}"`, error)
  }
}
