// Images that a play builds: those whose name is that of a folder with a Containerfile.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { BuildRequest } from '#engine/contracts/build.ts'
import type { PlayRequest } from '#engine/contracts/kube.ts'
import type { Engine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'

const fileNames = ['Containerfile', 'Dockerfile']

/** Builds what is to be built of these. With `--build`, all that have a folder; without, those that are not there; with `--build=false`, none. */
export async function buildImages(
  engine: Engine,
  images: readonly string[],
  request: Pick<PlayRequest, 'build' | 'contextDir' | 'pull' | 'onWarning' | 'onBuildOutput'>,
): Promise<void> {
  if (request.build === false) return
  for (const image of new Set(images)) {
    const folder = folderOf(image, request.contextDir ?? process.cwd())
    if (folder === undefined) continue
    if (request.build !== true && (await engine.images.find(image)) !== undefined) continue
    const { buildImage } = await import('#engine/image/build.ts')
    try {
      await buildImage(buildRequest(image, folder, request))
    } catch (error) {
      if (!(error instanceof TspodError)) throw error
      const { code, message, hint } = error
      throw new TspodError(code, `building image "${image}" from "${folder}": ${message}`, { hint, cause: error })
    }
  }
}

/** `foobar:latest` is looked for in `foobar`. */
function folderOf(image: string, base: string): string | undefined {
  const name = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '')
  if (name.split('/').includes('..')) return undefined
  const folder = join(base, name)
  return fileNames.some(file => existsSync(join(folder, file))) ? folder : undefined
}

function buildRequest(
  image: string,
  folder: string,
  {
    contextDir,
    pull,
    onWarning,
    onBuildOutput,
  }: Pick<PlayRequest, 'contextDir' | 'pull' | 'onWarning' | 'onBuildOutput'>,
): BuildRequest {
  const file = fileNames.map(name => join(folder, name)).find(path => existsSync(path)) ?? folder
  return {
    context: { kind: 'folder', path: contextDir ?? folder },
    files: [file],
    tags: [image],
    buildArgs: new Map(),
    contexts: new Map(),
    platforms: [],
    pull: 'missing',
    pullOptions: pull,
    noCache: false,
    cacheFrom: [],
    cacheTo: [],
    labels: new Map(),
    annotations: new Map(),
    env: [],
    secrets: [],
    ssh: new Map(),
    run: {
      network: { kind: 'default' },
      addHosts: [],
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      capAdd: [],
      capDrop: [],
      securityOpts: [],
      ulimits: [],
      devices: [],
      mounts: [],
      groupAdd: [],
      httpProxy: true,
    },
    format: 'oci',
    rewriteTimes: true,
    skipUnusedStages: true,
    jobs: availableParallelism(),
    outputs: [],
    onEvent: event => {
      if (event.kind === 'output') onBuildOutput(event.chunk)
      else if (event.kind === 'warning') onWarning(event.text)
      else if (event.kind === 'failed') onWarning(event.message)
    },
    signal: new AbortController().signal,
  }
}
