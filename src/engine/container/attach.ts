// attach: connects this command's streams to a running container, or to one that this command has just started.
import { awaitRecorded } from '#container/end-waiting.ts'
import { type ContainerRecord, containerDir, readRecord } from '#container/record.ts'
import {
  type ContainerState,
  isRunning,
  readState,
  readStatus,
  requireAllowed,
  signalContainer,
  writeState,
} from '#container/state.ts'
import type { AttachOutcome, ClientStreams, ContainerName } from '#engine/contracts/container.ts'
import { type Engine, openEngine } from '#engine/open.ts'
import { TspodError } from '#errors.ts'
import { type AttachConnection, connectToMonitor } from '#monitor/client/connect.ts'
import { type ContainerSession, runContainerSession } from '#monitor/client/container-session.ts'
import type { Launched } from '#monitor/launch.ts'
import { findOne } from './select.ts'
import { machineOf } from './survey.ts'

/** The verb: returns when the container has ended or the user has left. */
export async function attachContainer(name: ContainerName, streams: ClientStreams): Promise<AttachOutcome> {
  const engine = await openEngine()
  const id = findOne(engine, name)
  const record = readRecord(engine.graphRoot, id)
  requireAllowed('attach', id, readStatus(containerDir(engine.graphRoot, id), machineOf(engine)))
  using socket = await connectToMonitor(engine.runRoot, id)
  journalAttach(engine, record)
  const wanted = { ...streams, stdin: streams.stdin && record.request.interactive }
  return await attachTo(engine, record, socket, wanted, false)
}

/** Stays attached to a container that this command has started, and watches it. */
export async function attachClient(
  engine: Engine,
  record: ContainerRecord,
  launched: Launched,
  streams: ClientStreams,
): Promise<AttachOutcome> {
  const { attended } = launched
  journalAttach(engine, record)
  if (attended === undefined) return await attachTo(engine, record, launched.control, streams, true)
  launched.control.close() // a monitor that takes over finds its starter gone
  const { attend } = await import('#monitor/attended.ts')
  const outcome = await attend(attended, sessionOf(engine, record, streams, true))
  if (outcome.kind !== 'lost') return outcome
  return await afterLoss(engine, record.id, containerDir(engine.graphRoot, record.id))
}

function journalAttach(engine: Engine, { id, name, image, labels }: ContainerRecord): void {
  engine.journal({ type: 'container', status: 'attach', id, name, image: image?.name ?? '', attributes: labels })
}

async function attachTo(
  engine: Engine,
  record: ContainerRecord,
  socket: AttachConnection,
  wanted: ClientStreams,
  isStarter: boolean,
): Promise<AttachOutcome> {
  const outcome = runContainerSession(socket, sessionOf(engine, record, wanted, isStarter))
  if (outcome.kind !== 'lost') return outcome
  return await afterLoss(engine, record.id, containerDir(engine.graphRoot, record.id))
}

function sessionOf(
  engine: Engine,
  record: ContainerRecord,
  wanted: ClientStreams,
  isStarter: boolean,
): ContainerSession {
  const folder = containerDir(engine.graphRoot, record.id)
  const state = readState(folder)
  return {
    wanted,
    tty: record.request.tty,
    detachKeys: wanted.detachKeys ?? engine.config.engine.detachKeys,
    isStarter,
    signal: number => {
      if (state === undefined) return
      if (record.request.restart !== undefined && endSignals.includes(number)) noteEndedByUser(folder, state)
      signalContainer(state, number)
    },
  }
}

/** SIGHUP, SIGINT, SIGQUIT, SIGTERM: who sends them to an attached command wants an end of it. */
const endSignals: readonly number[] = [1, 2, 3, 15]

/** So that its policy does not start it again. */
function noteEndedByUser(folder: string, { pid }: ContainerState): void {
  const now = readState(folder)
  if (now?.pid === pid) writeState(folder, { ...now, endedByUser: true })
}

/** The connection broke: what is on record tells why. */
async function afterLoss(engine: Engine, id: string, folder: string): Promise<AttachOutcome> {
  const report = await awaitRecorded(folder, machineOf(engine))
  if (report.exit !== undefined) return { kind: 'exited', exitCode: report.exit.exitCode }
  if (isRunning(report))
    throw new TspodError('INTERNAL', `the connection to container ${id} was lost; the container goes on without it`, {
      hint: `its monitor was ended, or its output was not read for ten minutes; tspod logs ${id.slice(0, 12)} shows the output`,
    })
  throw new TspodError('INTERNAL', `container ${id} has ended, and its monitor was ended before it could record how`)
}
