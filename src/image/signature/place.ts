// A registry's repository as the place where signatures of its images lie. Host namespaces.
import type { RegistrySource } from '#image/registry/registry-source.ts'
import { signatureTag } from './payload.ts'
import { orAbsent, type SignaturePlace } from './verify.ts'

export function signaturePlace(source: RegistrySource): SignaturePlace {
  return {
    manifest: async digest => (await orAbsent(source.openTag(signatureTag(digest))))?.bytes,
    async blob(descriptor) {
      const parts: Uint8Array[] = []
      let length = 0
      for await (const chunk of await source.openBlob(descriptor, 0)) {
        parts.push(chunk)
        length += chunk.byteLength
        if (length > descriptor.size) break // its digest will not fit
      }
      return Buffer.concat(parts)
    },
  }
}
