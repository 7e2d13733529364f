// /dev of a container: nodes bound from the host, links, the terminal (config-linux.md, Default Devices). Pure.
import type { DeviceSpec } from '#oci/runtime-spec.ts'
import { TARGET, TERMINAL, TERMINAL_MASTER } from '#runtime/slots.ts'
import { joinCalls, type Step } from '#runtime/step.ts'
import { AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC, O_NOCTTY, O_RDWR, OPEN_TREE_CLOEXEC, OPEN_TREE_CLONE } from '#sys/flags.ts'
import { call, type Memory, tolerate } from '#sys/servant/batch.ts'
import { descriptorMessage } from '#sys/socket.ts'
import { planDeviceLinks, planDevices } from './devices.ts'
import { moveTo } from './mount-steps.ts'
import { openBeneath, placeAt, quoted, targetCalls } from './paths.ts'

/** Nodes and links. `firstSlot` and the slots after it are free for what is bound. */
export function planDeviceSteps(
  devices: readonly DeviceSpec[] | undefined,
  firstSlot: number,
): { stager: Step[]; init: Step[] } {
  const stager: Step[] = []
  const init: Step[] = []
  planDevices(devices).forEach((device, index) => {
    const doing = `giving the container the device "${device.path}"`
    if (device.kind === 'node') {
      const name = device.path.slice(device.path.lastIndexOf('/') + 1)
      const folder = device.path.slice(0, device.path.lastIndexOf('/')) || '/'
      const calls = [...targetCalls(folder, 'folder'), call('mknodat', TARGET, name, device.mode, device.device)]
      if (device.owner !== undefined) calls.push(call('fchownat', TARGET, name, device.owner.uid, device.owner.gid, 0))
      init.push({ actor: 'init', doing, shell: `mkfifo .${quoted(device.path)}`, calls })
      return
    }
    const slot = firstSlot + index
    stager.push({
      actor: 'stager',
      doing,
      shell: '',
      calls: [call('open_tree', AT_FDCWD, device.source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), ...placeAt(0, slot)],
    })
    init.push({
      actor: 'init',
      doing,
      shell: `touch .${quoted(device.path)}; mount --bind ${quoted(device.source)} .${quoted(device.path)}`,
      calls: [...targetCalls(device.path, 'file', 0o666), moveTo(slot)],
    })
  })
  const links = planDeviceLinks()
  init.push({
    actor: 'init',
    doing: 'making the links of /dev',
    shell: links.map(({ path, target }) => `ln -s ${target} .${path}`).join('; '),
    calls: [
      ...targetCalls('/dev', 'folder'),
      ...links.map(({ path, target }) =>
        tolerate('EEXIST', call('symlinkat', target, TARGET, path.slice('/dev/'.length))),
      ),
    ],
  })
  return { stager, init }
}

const TIOCSPTLCK = 0x40045431
const TIOCGPTPEER = 0x5441
const TIOCSWINSZ = 0x5414
const TIOCSCTTY = 0x540e

/**
 * The terminal: a pair of the container's own devpts; the master goes to the monitor over `socket`, the other end becomes
 * /dev/console and, in `planTerminalStreams`, descriptors 0 to 2.
 */
export function planTerminal(
  socket: number,
  size: { height: number; width: number } | undefined,
  owner: number,
  slot: number,
): Step[] {
  const window = Buffer.alloc(8)
  window.writeUInt16LE(size?.height ?? 0, 0)
  window.writeUInt16LE(size?.width ?? 0, 2)
  return [
    {
      actor: 'init',
      doing: 'opening a terminal in the container',
      shell: '',
      calls: [
        openBeneath('/dev/pts/ptmx', O_RDWR | O_NOCTTY),
        ...placeAt(0, TERMINAL_MASTER),
        call('ioctl', TERMINAL_MASTER, TIOCSPTLCK, { memory: new Int32Array(2) }),
        call('ioctl', TERMINAL_MASTER, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
        ...placeAt(4, TERMINAL),
        call('ioctl', TERMINAL_MASTER, TIOCSWINSZ, { memory: window }),
        call('fchown', TERMINAL, owner, -1),
        call('sendmsg', socket, terminalMessage(), 0),
        call('close', TERMINAL_MASTER),
      ],
    },
    {
      actor: 'init',
      doing: 'binding the terminal to /dev/console',
      shell: '',
      calls: joinCalls([
        targetCalls('/dev/console', 'file', 0o600),
        [call('open_tree', TERMINAL, '', OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH), ...placeAt(0, slot)],
        [moveTo(slot)],
      ]),
    },
  ]
}

function terminalMessage(): Memory {
  const { header, vector, control, data } = descriptorMessage(TERMINAL_MASTER)
  return {
    memory: header,
    pointers: [
      { offset: 16, to: { memory: vector, pointers: [{ offset: 0, to: { memory: data } }] } },
      { offset: 32, to: { memory: control } },
    ],
  }
}

/** The terminal as controlling terminal and descriptors 0 to 2 (after setsid(2)). */
export function planTerminalStreams(): Step {
  return {
    actor: 'init',
    doing: 'connecting the terminal',
    shell: '',
    calls: [call('ioctl', TERMINAL, TIOCSCTTY, 0), ...[0, 1, 2].map(fd => call('dup3', TERMINAL, fd, 0))],
  }
}
