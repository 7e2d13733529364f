// Names in archives to full names. Pure.
import { completeName, formatReference, parseReference, parseTypedName, withDefaultTag } from '#oci/reference.ts'

/** docker's archives have familiar names, `alpine:latest`; OCI's full ones, or a tag alone, which podman makes localhost/TAG. */
export function fullArchivedName(name: string, kind: 'docker' | 'oci'): string {
  if (kind === 'docker') return formatReference(withDefaultTag(parseReference(name)))
  const { registry, path, tag, digest } = parseTypedName(name)
  const reference = completeName(registry ?? 'localhost', path, { tag, digest })
  return formatReference(digest === undefined ? withDefaultTag(reference) : reference)
}
