// An agent of a build's own, for `--ssh id=KEY`: OpenSSH's, which ends with this process whatever becomes of it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'

export interface SshAgent extends AsyncDisposable {
  socket: string
}

/** The key files wait for a passphrase on the terminal, as ssh-add(1) does. `folder` is private. Throws NOT_FOUND, INVALID. */
export async function startAgent(keys: readonly string[], folder: string, signal: AbortSignal): Promise<SshAgent> {
  const [agentProgram, addProgram] = ['ssh-agent', 'ssh-add'].map(needed)
  const socket = join(folder, 'agent')
  // the shell waits for the end of our pipe: closed, or because we were killed
  const command = ['sh', '-c', 'cat; kill "$SSH_AGENT_PID"']
  const agent = Bun.spawn([agentProgram ?? '', '-a', socket, ...command], {
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'ignore',
  })
  const stop = async (): Promise<void> => {
    await agent.stdin.end()
    await agent.exited
  }
  try {
    await untilListening(socket, agent, signal)
    for (const key of keys) await addKey(addProgram ?? '', key, socket)
  } catch (error) {
    await stop()
    throw error
  }
  return { socket, [Symbol.asyncDispose]: stop }
}

function needed(name: string): string {
  const path = findProgram(name)
  if (path !== undefined) return path
  throw new TspodError('NOT_FOUND', `--ssh with a key needs the program ${name}, which is not installed`, {
    hint: 'install the package openssh-client',
  })
}

async function untilListening(socket: string, agent: { exitCode: number | null }, signal: AbortSignal): Promise<void> {
  for (let waitedMs = 0; !existsSync(socket); waitedMs += 5) {
    signal.throwIfAborted()
    if (agent.exitCode !== null || waitedMs > 10_000)
      throw new TspodError('INTERNAL', `ssh-agent does not listen on "${socket}"`)
    await Bun.sleep(5)
  }
}

async function addKey(program: string, key: string, socket: string): Promise<void> {
  const add = Bun.spawn([program, '-q', key], {
    env: { ...process.env, SSH_AUTH_SOCK: socket },
    stdin: 'inherit',
    stdout: 'ignore',
    stderr: 'pipe',
  })
  const [said, status] = await Promise.all([add.stderr.text(), add.exited])
  if (status !== 0) throw new TspodError('INVALID', `--ssh: the key "${key}" cannot be used: ${said.trim()}`)
}
