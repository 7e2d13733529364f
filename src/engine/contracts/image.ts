// Inputs and outputs of the image verbs: data only, times in milliseconds since 1970, ids as 64 hex digits.
import type { TspodError } from '#errors.ts'
import type { LabelFilter } from './container.ts'

/** Takes bytes in order; resolves when more may come. */
export type WriteChunk = (chunk: Uint8Array) => Promise<void>

/** What a pull, load or save is doing, to be drawn or written by whoever asked. */
export type ProgressEvent =
  /** an endpoint is being tried for this full name */
  | { kind: 'trying'; reference: string; endpoint?: string }
  | { kind: 'blob'; digest: string; role: 'layer' | 'config'; phase: BlobPhase; doneBytes: number; totalBytes?: number }
  /** something worth a line: a retry with its reason, a mirror given up */
  | { kind: 'note'; text: string }
  /** all is in place: the last event, after which the caller's screen belongs to others */
  | { kind: 'manifest'; digest: string }

export type BlobPhase = 'waiting' | 'copying' | 'unpacking' | 'done' | 'exists'

export type OnProgress = (event: ProgressEvent) => void

/** How to reach the registry; everything may be left to the configuration. */
export interface RegistryOptions {
  authFile?: string
  certDir?: string
  /** `user:password` as typed */
  credentials?: string
  /** absent: what registries.conf says */
  tlsVerify?: boolean
  retries?: number
  retryDelayMs?: number
}

export interface PullOptions extends RegistryOptions {
  /** bytes that may be fetched and unpacked; more is refused before any of it comes */
  budgetBytes?: number
  /** `linux/arm64/v8` */
  platform?: string
  /** pull verb: always; run and create carry their policy in the request */
  policy?: 'always' | 'missing' | 'never' | 'newer'
  onProgress?: OnProgress
  signal?: AbortSignal
}

export interface LoginRequest extends Omit<RegistryOptions, 'credentials'> {
  username: string
  password: string
}

export interface LogoutRequest {
  authFile?: string
}

/** Who is logged in, and where that is kept. */
export interface LoginState {
  username: string
  from: string
}

/** A signature to be made: files with a private key and its passphrase. */
export interface SignRequest {
  keyFile: string
  passphraseFile?: string
  /** the name to sign as; absent: the image's own */
  signIdentity?: string
}

export interface SignImageOptions extends RegistryOptions, SignRequest {
  /** the images of a list too */
  all: boolean
}

export interface PushImageOptions extends RegistryOptions {
  /** absent: the media types that the image has */
  format?: 'oci' | 'docker'
  /** absent: compressed layers stay as they are, others get gzip */
  compression?: 'gzip' | 'zstd'
  compressionLevel?: number
  /** layers are compressed anew, whatever they are */
  forceCompression?: boolean
  /** sign what was pushed */
  sign?: SignRequest
  onProgress?: OnProgress
  signal?: AbortSignal
}

export interface PushedImage {
  id: string
  /** full name at the registry */
  name: string
  /** of the manifest there */
  digest: string
}

export interface PulledImage {
  id: string
  /** the full name it has now */
  name: string
}

export type ImageFilter =
  | LabelFilter
  | { key: 'dangling' | 'intermediate' | 'readonly' | 'manifest' | 'containers'; value: boolean }
  | { key: 'before' | 'since' | 'reference' | 'id' | 'digest'; value: string }
  | { key: 'until'; beforeMs: number }

export interface ImageQuery {
  /** intermediate ones too */
  all: boolean
  filters: ImageFilter[]
}

export interface ImageSummary {
  id: string
  parentId: string
  /** full names, `docker.io/library/alpine:latest`; none for a dangling one */
  names: string[]
  /** names with digests */
  repoDigests: string[]
  /** of the manifest, `sha256:…` */
  digest: string
  createdMs: number
  sizeBytes: number
  /** bytes of layers other images have too */
  sharedBytes: number
  virtualBytes: number
  labels: Record<string, string>
  containers: number
  readOnly: boolean
  dangling: boolean
  /** names it once had */
  history: string[]
  architecture: string
  os: string
}

export interface RemoveImageOptions {
  all: boolean
  /** remove its containers first */
  force: boolean
  ignoreMissing: boolean
  /** keep dangling parents */
  noPrune: boolean
}

/** Per named image: names taken away, and ids of images that are gone for good. */
export interface RemovedImage {
  input: string
  untagged: string[]
  deleted: string[]
  error?: TspodError
}

export interface HistoryEntry {
  /** of the image this step belongs to, `<missing>` where unknown */
  id: string
  createdMs: number
  createdBy: string
  sizeBytes: number
  comment: string
  tags: string[]
}

/** Where an archive comes from; `stream` is standard input. */
export type ArchiveInput = { kind: 'file'; path: string } | { kind: 'stream' } | { kind: 'url'; url: string }

export interface SaveOptions {
  format: 'docker-archive' | 'oci-archive' | 'oci-dir' | 'docker-dir'
  output: { kind: 'file'; path: string } | { kind: 'stream'; write: WriteChunk }
  /** every name is an image; else the names after the first are further tags of the first */
  multiImage: boolean
  /** exactly these names go with the one image */
  as?: string[]
  compress: boolean
  uncompressed: boolean
  onProgress?: OnProgress
}

export interface ImportOptions {
  reference?: string
  message?: string
  /** Containerfile instructions as typed: `CMD /bin/sh`, `ENV A=b` */
  changes: string[]
  platform?: string
  onProgress?: OnProgress
}

export interface FromHostOptions {
  /** `mini` where absent */
  name?: string
  /** programs to take, by name on PATH or by path; empty: the usual small set */
  programs: string[]
}

export interface SearchOptions extends RegistryOptions {
  /** from each registry */
  limit: number
  onProgress?: OnProgress
}

export interface SearchedImage {
  registry: string
  /** full name, without a tag */
  name: string
  description: string
  stars: number
  official: boolean
  automated: boolean
}

export interface FoundTags {
  /** full name, without a tag */
  name: string
  tags: string[]
}

export interface TreeLayer {
  /** digest of the layer's archive, 64 digits */
  id: string
  sizeBytes: number
  /** names of the images that end with this layer */
  topOf: string[]
  children: TreeLayer[]
}

export interface ImageTree {
  id: string
  names: string[]
  sizeBytes: number
  /** lowest first */
  layers: TreeLayer[]
}

export interface MountedImage {
  id: string
  names: string[]
  path: string
}

/** What policy.json asks of images. */
export type TrustKind = 'accept' | 'reject' | 'signedBy' | 'sigstoreSigned'

/** One rule of policy.json. */
export interface TrustEntry {
  /** `all` for the default, `repository` for registries, else the transport */
  transport: string
  name: string
  type: TrustKind
  /** files with public keys */
  keys: string[]
}
