// Everything that creating a container decides before it does anything: pure, so that `--explain` and tests see just what would be done.
import { TspodError } from '#errors.ts'
import type { LinuxSpec, ProcessSpec, RuntimeSpec } from '#oci/runtime-spec.ts'
import { FIRST_TREE } from '#runtime/slots.ts'
import type { Step } from '#runtime/step.ts'
import { planDeviceSteps, planTerminal } from './device-steps.ts'
import { type MaskStep, planMasks } from './masks.ts'
import { type MountFacts, planMounts } from './mount-steps.ts'
import { type NamespacePlan, planNamespaces } from './namespaces.ts'
import { planLoopback, planSettings } from './process-steps.ts'
import { planAttachRoot, planEnterRoot, planOpenRoot } from './root.ts'

export interface CreatePlan {
  namespaces: NamespacePlan
  /** In the user's namespace, before the container's own ones exist. */
  stager: Step[]
  /** In process 1: the root, mounts, devices, terminal, settings. */
  init: Step[]
  /** After `init`; what lies at each path must be looked up first. */
  masks: MaskStep[]
  /** In process 1: the change of root. */
  enter: Step[]
  process: ProcessSpec
  /** A slot that no step uses. */
  freeSlot: number
}

export interface CreateFacts extends MountFacts {
  terminalSocket: number | undefined
}

/** Decides all steps for a spec whose root file system is mounted at `rootPath`. */
export function planCreate(spec: RuntimeSpec, rootPath: string, facts: CreateFacts): CreatePlan {
  const { process, linux = {}, mounts = [] } = spec
  if (process === undefined || process.args.length === 0)
    throw new TspodError('INVALID', 'the spec names no program: process.args is empty', {
      hint: 'the image has no default command; name one after the image',
      exitCode: 127,
    })
  refuseUnsupported(spec)
  const mountPlan = planMounts(mounts, facts)
  const deviceSlot = FIRST_TREE + mounts.length
  const devices = planDeviceSteps(linux.devices, deviceSlot)
  const freeSlot = deviceSlot + devices.stager.length
  const terminal =
    facts.terminalSocket === undefined
      ? []
      : planTerminal(facts.terminalSocket, process.consoleSize, process.user.uid, freeSlot)
  return {
    namespaces: planNamespaces(linux),
    stager: [planOpenRoot(rootPath), ...mountPlan.stager, ...devices.stager],
    init: [
      ...planAttachRoot(rootPath, linux.rootfsPropagation),
      ...mountPlan.init,
      ...devices.init,
      ...terminal,
      ...(isNewNetwork(linux) ? [planLoopback()] : []),
      ...planSettings(spec),
    ],
    masks: planMasks(linux),
    enter: planEnterRoot(spec.root.readonly === true, linux.rootfsPropagation),
    process,
    freeSlot,
  }
}

function isNewNetwork({ namespaces = [] }: LinuxSpec): boolean {
  return namespaces.some(({ type, path }) => type === 'network' && path === undefined)
}

/** What a spec may ask for and this runtime does not do: refused by name, never passed over. */
function refuseUnsupported({ process, linux }: RuntimeSpec): void {
  const refuse = (what: string): never => {
    throw new TspodError('UNSUPPORTED', `${what} is not implemented yet`)
  }
  if (process?.scheduler !== undefined) refuse('process.scheduler')
  if (process?.ioPriority !== undefined) refuse('process.ioPriority')
  if (linux?.personality !== undefined) refuse('linux.personality')
  if (linux?.seccomp?.listenerPath !== undefined) refuse('linux.seccomp.listenerPath')
}
