// The part `Config` of a container's inspection: what runs in it, as podman says it.
import type { Config } from '#config/config.ts'
import type { ContainerRecord } from '#container/record.ts'
import type { InspectObject } from '#engine/contracts/container.ts'
import type { RuntimeSpec } from '#oci/runtime-spec.ts'
import { portBindings } from './inspect-network.ts'

/** Config; `spec` is missing where a container that never started can not be decided any more. */
export function describeConfig(
  record: ContainerRecord,
  spec: RuntimeSpec | undefined,
  { containers }: Config,
): InspectObject {
  const { request } = record
  return {
    Hostname: record.hostname ?? '',
    Domainname: spec?.domainname ?? '',
    User: request.user ?? '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(record.exposed !== undefined && { ExposedPorts: exposedPorts(record.exposed) }),
    Tty: request.tty,
    OpenStdin: request.interactive,
    StdinOnce: false,
    Env: spec?.process?.env ?? [],
    Cmd: record.command,
    Image: record.image?.name ?? '',
    Volumes: null,
    WorkingDir: record.workdir,
    Entrypoint: record.entrypoint.join(' '),
    OnBuild: null,
    Labels: record.labels,
    Annotations: spec?.annotations ?? request.annotations,
    StopSignal: record.stopSignal,
    ...(request.createCommand !== undefined && { CreateCommand: request.createCommand }),
    HealthcheckOnFailureAction: 'none',
    Umask: request.umask ?? containers.umask,
    Timeout: request.timeoutSeconds ?? 0,
    StopTimeout: record.stopTimeoutSeconds,
    Passwd: request.passwd,
    sdNotifyMode: 'container',
    ...(request.timezone !== undefined && { Timezone: request.timezone }),
  }
}

/** `{"80/tcp": {}}` */
function exposedPorts(texts: readonly string[]): InspectObject {
  return Object.fromEntries(Object.keys(portBindings([], texts)).map(port => [port, {}]))
}
