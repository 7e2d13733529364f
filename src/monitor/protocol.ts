// What a monitor and its clients say to each other over a unix stream socket: frames of one type byte, four bytes of length (little
// endian) and a payload. The command line that started the container is the first client, on a socket it inherited; the others come
// through the container's attach socket. Spoken by both sides; pure.
import type { SoftLimits } from '#cgroup/soft-limits.ts'
import type { Healthcheck } from '#container/healthcheck.ts'
import { TspodError } from '#errors.ts'
import type { PoststopHooks } from '#runtime/hooks.ts'

/** Every message; the number is what travels. JSON payloads have their type below, the others are bytes or empty. */
export const messageTypes = {
  // from the command line that starts the container, on the inherited socket only
  /** JSON ChildMessage: what to watch; answered by `ready` or `refused` */
  child: 1,
  /** JSON StartedMessage: the image's program has been executed */
  started: 2,
  /** JSON FailureMessage: it could not be */
  failed: 3,
  // from any client
  /** JSON AttachMessage: from here on this client gets output */
  attach: 16,
  /** bytes for the container's standard input */
  stdin: 17,
  /** no more of them: the container sees end of file */
  stdinEof: 18,
  /** JSON WindowSize */
  resize: 19,
  /** this client leaves, the container lives on */
  detach: 20,
  /** JSON OutputClosedMessage: what reads this client's output has gone */
  outputClosed: 21,
  // from the monitor
  /** streams and log are open: the container may run */
  ready: 64,
  /** JSON FailureMessage: they could not be opened */
  refused: 65,
  /** bytes of the container's standard output, or of its terminal */
  stdout: 66,
  /** bytes of its standard error */
  stderr: 67,
  /** JSON ExitMessage: the last one, after all output */
  exit: 68,
} as const

export type MessageType = keyof typeof messageTypes

/** A child of the monitor beside process 1, which ends with the container. */
export interface Helper {
  name: string
  pid: number
  /** Whether the container's end is told only when this has ended too: it serves its files. */
  isAwaited: boolean
}

/** All that a monitor has to know about its container. */
export interface ChildMessage {
  id: string
  name: string
  /** The container's process 1, a child of the monitor, with its start time (proc_pid_stat(5)). */
  pid: number
  startTime: number
  /** `containers/<id>` in the store. */
  folder: string
  graphRoot: string
  runRoot: string
  /** Descriptor 7 brings the terminal's master; otherwise 4, 5, 6 are its standard output, error and input. */
  tty: boolean
  openStdin: boolean
  /** Standard input ends when the client that feeds it leaves. */
  stdinOnce: boolean
  logDriver: string
  logOpts: Record<string, string>
  /** Remove the container when it has ended (`--rm`), and these volumes with it. */
  remove: boolean
  anonymousVolumes: string[]
  /** Whether something below `mounts` in its folder is to go with its end. */
  hasScratch?: boolean
  /** What a monitor that is asked to end (SIGTERM, at logout) sends to process 1, and how long it waits before SIGKILL. */
  stopSignal: number
  stopTimeoutSeconds: number
  /** It is killed when it has run for this long (`--timeout`). */
  timeoutSeconds?: number
  helpers: Helper[]
  /** Hooks for when it has ended. */
  poststop?: PoststopHooks
  /** Its control group, where it has one of its own: tells of the out-of-memory killer. */
  cgroupFolder?: string
  /** How often it was started again by its policy, before this run. */
  restarts: number
  /** It was started with a restart policy: should its monitor be killed, another one goes on. */
  hasPolicy?: true
  /** The pod that ends with its members, of which this is one. */
  endsPod?: { id: string; infraId: string }
  /** This run is such a restart, waited for so long: where it cannot be, the monitor that wanted it is told, and nothing is recorded. */
  restartPauseMs?: number
  /** What the command line was given before its verb, for a restart; the engine's own. */
  engineSettings: object
  /** What holds instead of limits that nobody enforces: the monitor watches over memory. */
  softLimits?: SoftLimits
  /** Its health check, if it has one; `isSingle`: the user's namespace maps one id. */
  health?: { check: Healthcheck; isSingle: boolean }
  /** The service manager's socket, where the container tells it something: descriptor 9 takes that. */
  notifyManager?: string
  /** Absent: nothing is written to the journal of events. */
  journal?: { image: string; attributes: Record<string, string> }
  startedAt: string
}

export interface StartedMessage {
  /** The journal has it already: a monitor takes over from the command line. */
  isTold: boolean
}

export interface AttachMessage {
  stdout: boolean
  stderr: boolean
  /** This client will send standard input. */
  stdin: boolean
}

export interface OutputClosedMessage {
  stream: 'stdout' | 'stderr'
}

export interface FailureMessage {
  message: string
  /** What the command should end with: 126, 127. */
  exitCode?: number
  hint?: string
}

export interface ExitMessage {
  /** 0-255, or 128 + signal. */
  exitCode: number
  oomKilled: boolean
  error?: string
}

/** Bytes before each payload. */
export const HEADER_BYTES = 5
/** The most a payload may have; a longer one is no message of ours. */
export const MAX_PAYLOAD_BYTES = 1 << 20
/** The most that one message of stream data carries. */
export const MAX_DATA_BYTES = 65536

/** Puts the header before `length` bytes of payload that lie behind it in `frame`. */
export function writeHeader(frame: Buffer, type: MessageType, length: number): void {
  frame[0] = messageTypes[type]
  frame.writeUInt32LE(length, 1)
}

/** A whole message: with bytes, with a value as JSON, or empty. */
export function encodeMessage(type: MessageType, content?: Uint8Array | object): Buffer {
  const payload =
    content === undefined
      ? emptyPayload
      : content instanceof Uint8Array
        ? content
        : Buffer.from(JSON.stringify(content))
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.byteLength)
  writeHeader(frame, type, payload.byteLength)
  frame.set(payload, HEADER_BYTES)
  return frame
}

const emptyPayload = new Uint8Array(0)
const typeOf = new Map<number, MessageType>(
  Object.entries(messageTypes).map(([name, number]) => [number, name as MessageType]),
)

/** The value of a JSON payload, which the other side of the same build has written. */
export function decodePayload(payload: Uint8Array): unknown {
  return JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'))
}

/** Cuts a stream of bytes into messages. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0)

  /** Calls `onMessage` for each message that is complete; its payload is valid during the call. Throws for what is none. */
  push(bytes: Buffer, onMessage: (type: MessageType, payload: Buffer) => void): void {
    const data = this.#rest.byteLength === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (data.byteLength - at >= HEADER_BYTES) {
      const type = typeOf.get(data[at] ?? 0)
      const length = data.readUInt32LE(at + 1)
      if (type === undefined || length > MAX_PAYLOAD_BYTES)
        throw new TspodError('INVALID', `reading a message: type ${data[at]} with ${length} bytes is none`, {
          hint: 'the other side is another version of tspod',
        })
      const end = at + HEADER_BYTES + length
      if (data.byteLength < end) break
      onMessage(type, data.subarray(at + HEADER_BYTES, end))
      at = end
    }
    this.#rest = at === data.byteLength ? Buffer.alloc(0) : Buffer.from(data.subarray(at))
  }
}
