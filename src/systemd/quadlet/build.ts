// A `.build` file as a service that builds an image (podman-systemd.unit(5), Build units). Pure.
import { dirname } from 'node:path/posix'
import {
  absolutePath,
  addCommand,
  baseCommand,
  type Draft,
  describeOneshot,
  flagOptions,
  listOptions,
  networkOptions,
  pairOptions,
  textOptions,
  volumeOptions,
  wrong,
} from './draft.ts'

const remotePattern = /^(?:https?|git):\/\/|^github\.com\//

export function draftBuild(draft: Draft): void {
  const { source, group } = draft
  const { unit } = source
  if (unit.all(group, 'ImageTag').length === 0) throw wrong('ImageTag= is not set')
  const pull = unit.text(group, 'Pull')
  const file = unit.text(group, 'File')
  const context = workingDirectory(draft)
  addCommand(draft, 'ExecStart', [
    ...baseCommand(draft),
    'build',
    ...(pull === undefined ? [] : [`--pull=${pull}`]),
    ...textOptions(draft, {
      Arch: '--arch',
      AuthFile: '--authfile',
      IgnoreFile: '--ignorefile',
      Target: '--target',
      Variant: '--variant',
      Retry: '--retry',
      RetryDelay: '--retry-delay',
    }),
    ...flagOptions(draft, { TLSVerify: '--tls-verify', ForceRM: '--force-rm' }),
    ...listOptions(draft, {
      DNS: '--dns',
      DNSOption: '--dns-option',
      DNSSearch: '--dns-search',
      GroupAdd: '--group-add',
      ImageTag: '--tag',
    }),
    ...pairOptions(draft, {
      BuildArg: '--build-arg',
      Environment: '--env',
      Label: '--label',
      Annotation: '--annotation',
    }),
    ...networkOptions(draft),
    ...unit.words(group, 'Secret').flatMap(secret => ['--secret', secret]),
    ...volumeOptions(draft),
    ...(file === undefined ? [] : ['--file', file]),
    ...unit.words(group, 'PodmanArgs'),
    ...contextArgument(draft, context, file),
  ])
  describeOneshot(draft, false)
}

/** A context from SetWorkingDirectory=; `undefined` where it names one of the service's own folders, which is set. */
function workingDirectory(draft: Draft): string | undefined {
  const { source, group, service } = draft
  const asked = source.unit.text(group, 'SetWorkingDirectory')
  if (asked === undefined) return undefined
  const isFile = asked.toLowerCase() === 'file'
  const file = source.unit.text(group, 'File')
  if (isFile && file === undefined) throw wrong('SetWorkingDirectory=file needs File=')
  const isContext = !isFile && asked.toLowerCase() !== 'unit'
  const beside = isFile
    ? file
    : isContext && (asked.startsWith('/') || remotePattern.test(asked))
      ? undefined
      : source.path
  if (beside !== undefined && source.unit.text('Service', 'WorkingDirectory') === undefined)
    service.add('Service', 'WorkingDirectory', dirname(absolutePath(draft, beside)))
  return isContext ? asked : undefined
}

/** The last word of the command: the folder that is built. A Containerfile by its absolute path or address needs none. */
function contextArgument({ service }: Draft, context: string | undefined, file: string | undefined): string[] {
  const folder = service.text('Service', 'WorkingDirectory')
  if (context !== undefined) return [context]
  if (folder === undefined && file === undefined) throw wrong('neither SetWorkingDirectory= nor File= is set')
  if (file !== undefined && (file.startsWith('/') || remotePattern.test(file))) return []
  if (folder === undefined) throw wrong(`File=${file}: a relative path needs SetWorkingDirectory=`)
  return [folder]
}
