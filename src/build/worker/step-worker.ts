// worker:build: performs the file steps of one stage after the other, for as long as its master keeps its input open. Inside the
// user's namespace, as its root, in a mount namespace of its own; requests are JSON lines on standard input, answers on standard output.

import { openRoot } from '#build/context/root.ts'
import { TspodError } from '#errors.ts'
import { readFd, writeFully } from '#sys/fd.ts'
import { commitLayer, tidyMountPoints } from './commit.ts'
import { mergeLayers } from './merge.ts'
import { withMounted } from './mounted.ts'
import { placeFiles, placeFolder } from './place.ts'
import type { CopyRequest, StepAnswer, StepRequest } from './protocol.ts'
import { settleUpper } from './settle-upper.ts'

/** Serves until the end of its input. */
export async function stepWorker(): Promise<void> {
  process.umask(0)
  for (const line of inputLines()) {
    const answer = await answerTo(JSON.parse(line) as StepRequest)
    writeFully(1, Buffer.from(`${JSON.stringify(answer)}\n`))
  }
}

async function answerTo(request: StepRequest): Promise<StepAnswer> {
  try {
    return { ok: await perform(request) }
  } catch (error) {
    const { code, hint } = error instanceof TspodError ? error : { code: 'INTERNAL', hint: undefined }
    const message = error instanceof Error ? error.message : String(error)
    return { error: { code, message, ...(hint !== undefined && { hint }) } }
  }
}

async function perform(request: StepRequest): Promise<Extract<StepAnswer, { ok: unknown }>['ok']> {
  switch (request.do) {
    case 'commit':
      settleUpper(request)
      tidyMountPoints(request.folder, request.mountPoints, request.lower)
      return { layer: commitLayer(request) }
    case 'folder': {
      const isNew = await withMounted([request.root], () => {
        using root = openRoot(request.root.root)
        return placeFolder(root.number, request.path)
      })
      if (!isNew) return {}
      settleUpper(request)
      return { layer: commitLayer(request) }
    }
    case 'merge':
      mergeLayers(`${request.folder}/upper`, request.layers, request.hasBase)
      return { layer: commitLayer(request) }
    case 'copy': {
      const fingerprint = await copy(request)
      settleUpper(request)
      return { layer: commitLayer(request), fingerprint }
    }
  }
}

async function copy(request: CopyRequest): Promise<string> {
  const plans = [request.root, request.from.plan].filter(plan => plan !== undefined)
  return await withMounted(plans, async () => {
    using root = openRoot(request.root?.root ?? `${request.folder}/upper`)
    using source = openRoot(request.from.path)
    return await placeFiles(root.number, source.number, request)
  })
}

function* inputLines(): Generator<string> {
  const buffer = Buffer.alloc(1 << 16)
  let open = ''
  const decoder = new TextDecoder()
  for (;;) {
    const count = readFd(0, buffer)
    if (count === 0) return
    open += decoder.decode(buffer.subarray(0, count), { stream: true })
    for (let end = open.indexOf('\n'); end >= 0; end = open.indexOf('\n')) {
      const line = open.slice(0, end)
      open = open.slice(end + 1)
      yield line
    }
  }
}
