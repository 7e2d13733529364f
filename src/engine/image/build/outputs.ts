// `-o`: the files of the last stage as a folder or an archive, or the image as one.
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { unpackOutput } from '#build/run/output-folder.ts'
import type { ArchivePart, BuildOutcome, BuildOutput } from '#engine/contracts/build.ts'
import { saveImages } from '#engine/image/save.ts'
import { during } from '#errors.ts'
import type { PackRequest } from '#image/pack-worker.ts'
import { readRootWorker } from '#storage/root-worker.ts'
import type { BuildSession } from './session.ts'
import type { FinishedStage } from './stage.ts'
import { layersRoot } from './stage-files.ts'
import { writeImage } from './write-image.ts'

type Session = Omit<BuildSession, 'filesOf'>

/** Writes all of them. An image stays in the store only where a name was given. */
export async function writeOutputs(session: Session, stage: FinishedStage, names: string[]): Promise<BuildOutcome> {
  const { outputs } = session.request
  const wantsImage = names.length > 0 || outputs.some(({ kind }) => kind === 'oci' || kind === 'docker')
  const written = wantsImage
    ? await writeImage({ ...session, filesOf: async () => await Promise.reject(new Error('no stage')) }, stage, names)
    : undefined
  for (const output of outputs) await writeOutput(session, stage, output, written?.image.id ?? '', names)
  return { ...(written && { imageId: written.image.id, digest: written.digest }), names }
}

async function writeOutput(
  session: Session,
  stage: FinishedStage,
  output: BuildOutput,
  imageId: string,
  names: string[],
): Promise<void> {
  if (output.kind === 'oci' || output.kind === 'docker') {
    const [first] = names
    await saveImages([first ?? imageId, ...names.slice(1)], {
      format: output.kind === 'oci' ? 'oci-archive' : 'docker-archive',
      output: output.target,
      multiImage: false,
      compress: false,
      uncompressed: false,
    })
    return
  }
  const part = output.kind === 'tar' ? output.part : undefined
  const pieces = await stageFiles(session, stage, part)
  if (output.kind === 'local') {
    mkdirSync(output.path, { recursive: true })
    return await unpackOutput(pieces, output.path)
  }
  const { target } = output
  if (target.kind === 'stream') {
    for await (const piece of pieces) await target.write(piece)
    return
  }
  try {
    await using file = await open(target.path, part === undefined || part.isFirst ? 'w' : 'a', 0o644)
    for await (const piece of pieces) await file.writeFile(piece)
  } catch (error) {
    throw during(`writing "${target.path}"`, error)
  }
}

/** The root file system as an archive, or as a part of one. */
async function stageFiles(
  session: Session,
  { chain }: FinishedStage,
  part: ArchivePart | undefined,
): Promise<AsyncIterable<Uint8Array>> {
  const plan = await layersRoot(session, chain)
  const request: PackRequest = { root: plan.root, path: '', as: part?.folder ?? '', isPart: part?.isLast === false }
  return readRootWorker(await session.engine.namespace(), plan, 'pack', request)
}
