// How a servant passes a descriptor that it has opened to its master: over a unix socket (unix(7), SCM_RIGHTS). Pure.
import { descriptorMessage } from '#sys/socket.ts'
import { type Call, call } from './batch.ts'

/** Sends the descriptor that the call at `index` of the same batch opened through `socket`, and closes it. */
export function handOverCalls(socket: number, index: number): Call[] {
  const { header, vector, control, data } = descriptorMessage(-1)
  const message = {
    memory: header,
    pointers: [
      { offset: 16, to: { memory: vector, pointers: [{ offset: 0, to: { memory: data } }] } },
      { offset: 32, to: { memory: control, patch: { offset: 16, resultOf: index } } },
    ],
  }
  return [call('sendmsg', socket, message, 0), call('close', { resultOf: index })]
}
