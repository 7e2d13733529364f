// The worker's role: a process inside the user's namespace that does one piece of work (userns/worker.ts has both sides of it).
import { TspodError } from '#errors.ts'
import { expectLongLife } from '#host/bun.ts'
import { serveWorker, type WorkerHandler } from '#userns/worker.ts'

/** What workers there are; each is loaded only by its own process. */
const handlers: Record<string, () => Promise<WorkerHandler>> = {
  build: async () => (await import('#build/worker/step-worker.ts')).stepWorker,
  'end-run': async () => (await import('#build/run/process.ts')).endRunWorker,
  unpack: async () => (await import('#image/unpack-worker.ts')).unpackWorker,
  'copy-folder': async () => (await import('#storage/copy-folder-worker.ts')).copyFolderWorker,
  'copy-layers': async () => (await import('#storage/copy-worker.ts')).copyLayersWorker,
  'copy-up': async () => (await import('#storage/copy-up.ts')).copyUpWorker,
  diff: async () => (await import('#storage/diff.ts')).diffWorker,
  gzip: async () => (await import('#image/gzip-worker.ts')).gzipWorker,
  'inherit-folders': async () => (await import('#storage/implied-folders.ts')).inheritFoldersWorker,
  'folder-bytes': async () => (await import('#storage/disk-usage.ts')).folderBytesWorker,
  give: async () => (await import('#storage/give-worker.ts')).giveWorker,
  'map-layer': async () => (await import('#storage/map-layer-worker.ts')).mapLayerWorker,
  pack: async () => (await import('#image/pack-worker.ts')).packWorker,
  'pack-layer': async () => (await import('#image/pack-worker.ts')).packLayerWorker,
  place: async () => (await import('#image/place-worker.ts')).placeWorker,
  remove: async () => (await import('#storage/remove-worker.ts')).removeWorker,
}

/** Serves the worker named in the first argument, `worker:<what>`. */
export async function workerMain(role: string): Promise<void> {
  const what = role.slice('worker:'.length)
  const load = handlers[what]
  if (load === undefined) throw new TspodError('INTERNAL', `there is no worker "${what}"`)
  // unpacking waits for the kernel and for zlib: compiling its code any further costs more than it saves (docs/decisions/unpacking.md)
  if (what !== 'unpack') expectLongLife()
  await serveWorker(await load())
}
