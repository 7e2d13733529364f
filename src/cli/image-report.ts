// An image as `images` tells of it: one line per name, fields for templates, podman's JSON. Pure.
import type { ImageSummary } from '#engine/contracts/image.ts'
import { goTimeText } from './container-report.ts'
import { timeAgo } from './format/durations.ts'
import { spacedSize } from './format/sizes.ts'

export interface ImageLine {
  repository: string
  tag: string
  image: ImageSummary
}

export const imageReport = {
  fields:
    `ID Id Repository Tag Digest CreatedSince CreatedAt CreatedTime Created Size VirtualSize SharedSize Names Containers
    Dangling ParentId ReadOnly Labels History RepoTags RepoDigests Os Arch`.split(/\s+/),
  headings: {
    ID: 'IMAGE ID',
    Id: 'IMAGE ID',
    CreatedSince: 'CREATED',
    ParentId: 'PARENT ID',
    VirtualSize: 'VIRTUAL SIZE',
  },
}

/** One line per name; `<none>` for what an image has no name for. */
export function imageLines(images: readonly ImageSummary[]): ImageLine[] {
  return images.flatMap(image => {
    if (image.names.length > 0) return image.names.map(name => ({ ...splitName(name), image }))
    const repository = image.repoDigests[0]?.split('@', 1)[0] ?? '<none>'
    return [{ repository, tag: '<none>', image }]
  })
}

/** The element of `images --format json`. */
export function imageJson(image: ImageSummary): Record<string, unknown> {
  return {
    Id: image.id,
    ParentId: image.parentId,
    RepoTags: image.names,
    RepoDigests: image.repoDigests,
    Size: image.sizeBytes,
    SharedSize: image.sharedBytes,
    VirtualSize: image.virtualBytes,
    Labels: image.labels,
    Containers: image.containers,
    ReadOnly: image.readOnly,
    Dangling: image.dangling,
    Arch: image.architecture,
    Os: image.os,
    Names: image.names,
    Digest: image.digest,
    History: image.history,
    Created: Math.floor(image.createdMs / 1000),
    CreatedAt: new Date(image.createdMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  }
}

/** The fields of `images --format` templates (podman-images(1)). */
export function imageRow({ repository, tag, image }: ImageLine, nowMs: number, full: boolean): Record<string, unknown> {
  const since = timeAgo(image.createdMs, nowMs)
  return {
    ...imageJson(image),
    ID: full ? `sha256:${image.id}` : image.id.slice(0, 12),
    Repository: repository,
    Tag: tag,
    CreatedSince: since,
    Created: since,
    CreatedTime: goTimeText(image.createdMs),
    CreatedAt: goTimeText(image.createdMs),
    Size: spacedSize(image.sizeBytes),
    VirtualSize: image.virtualBytes,
    History: image.history.join(', '),
  }
}

function splitName(name: string): { repository: string; tag: string } {
  const at = name.indexOf('@')
  if (at !== -1) return { repository: name.slice(0, at), tag: '<none>' }
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  return { repository: hasTag ? name.slice(0, colon) : name, tag: hasTag ? name.slice(colon + 1) : '<none>' }
}
