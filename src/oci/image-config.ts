// An image's configuration: how to run it, its layers, its history (OCI image-spec config.md, and the fields docker adds). Pure.
import { TspodError } from '#errors.ts'
import type { Digest } from './digest.ts'
import { parseDigest } from './digest.ts'
import { isArrayOf, isBoolean, isInteger, isMapOf, isObject, isString, type Shape } from './json-shape.ts'
import { parseJson } from './manifest.ts'

/** docker's HEALTHCHECK; times in nanoseconds. */
export interface Healthcheck {
  /** `['NONE']`, `['CMD', …]`, `['CMD-SHELL', text]`; empty: the parent's */
  Test?: string[]
  Interval?: number
  Timeout?: number
  StartPeriod?: number
  StartInterval?: number
  Retries?: number
}

/** The keys as they are in the file. */
export interface ExecutionConfig {
  User?: string
  /** keys: `80/tcp` */
  ExposedPorts?: Record<string, object>
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  /** keys: absolute paths */
  Volumes?: Record<string, object>
  WorkingDir?: string
  Labels?: Record<string, string>
  StopSignal?: string
  StopTimeout?: number
  Healthcheck?: Healthcheck
  OnBuild?: string[]
  Shell?: string[]
  /** made by a Windows tool: the command is one already quoted line */
  ArgsEscaped?: boolean
}

export interface HistoryStep {
  created?: string
  created_by?: string
  author?: string
  comment?: string
  empty_layer?: boolean
}

export interface ImageConfig {
  /** RFC 3339 */
  created?: string
  author?: string
  architecture: string
  os: string
  variant?: string
  'os.version'?: string
  'os.features'?: string[]
  config?: ExecutionConfig
  /** `type` is always `layers` */
  rootfs: { type: string; diff_ids: Digest[] }
  history?: HistoryStep[]
  /** docker's */
  comment?: string
  docker_version?: string
}

const strings = isArrayOf(isString)
const isAny: Shape = () => undefined
const duration = isInteger(-(2 ** 63), 2 ** 63)

const executionShape = isObject(
  {},
  {
    User: isString,
    ExposedPorts: isMapOf(isAny),
    Env: strings,
    Entrypoint: strings,
    Cmd: strings,
    Volumes: isMapOf(isAny),
    WorkingDir: isString,
    Labels: isMapOf(isString),
    StopSignal: isString,
    StopTimeout: isInteger(-1, 2 ** 31),
    Healthcheck: isObject(
      {},
      {
        Test: strings,
        Interval: duration,
        Timeout: duration,
        StartPeriod: duration,
        StartInterval: duration,
        Retries: isInteger(-1, 2 ** 31),
      },
    ),
    OnBuild: strings,
    Shell: strings,
    ArgsEscaped: isBoolean,
  },
)

const shape = isObject(
  { architecture: isString, os: isString, rootfs: isObject({ type: isString }, { diff_ids: strings }) },
  {
    created: isString,
    author: isString,
    variant: isString,
    'os.version': isString,
    'os.features': strings,
    config: executionShape,
    history: isArrayOf(
      isObject(
        {},
        { created: isString, created_by: isString, author: isString, comment: isString, empty_layer: isBoolean },
      ),
    ),
    comment: isString,
    docker_version: isString,
  },
)

/**
 * Checks a configuration that came from outside; `what` names it in errors. `layerCount` is the manifest's: there must be one
 * diff id for each layer. Throws INVALID.
 */
export function parseImageConfig(text: string, what: string, layerCount?: number): ImageConfig {
  const value = parseJson(text, what)
  shape(value, what)
  const config = value as ImageConfig
  if (config.rootfs.type !== 'layers')
    throw new TspodError('INVALID', `${what}: rootfs.type is "${config.rootfs.type}", must be "layers"`)
  config.rootfs.diff_ids ??= [] // an image without layers, as Go writes an empty list
  const diffIds = config.rootfs.diff_ids
  for (const [index, diffId] of diffIds.entries()) parseDigest(diffId, `${what}: rootfs.diff_ids[${index}]`)
  if (layerCount !== undefined && diffIds.length !== layerCount)
    throw new TspodError('INVALID', `${what} has ${diffIds.length} diff ids for ${layerCount} layers`)
  return config
}

/** Milliseconds since 1970 of an RFC 3339 time; 0 where there is none or it is none, as for reproducible images. */
export function createdMs(config: Pick<ImageConfig, 'created'>): number {
  const time = Date.parse(config.created ?? '')
  return Number.isNaN(time) ? 0 : time
}
