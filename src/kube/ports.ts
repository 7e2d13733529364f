// `ports` of a pod's containers as what the pod publishes. Pure.
import type { PortRequest } from '#network/ports/mapping.ts'
import type { KubeField } from './field.ts'
import type { PlayInputs } from './inputs.ts'

/** Of all containers; what --publish says of a container port takes the place of what is said here. */
export function planPorts(containers: readonly KubeField[], { shape, warn }: PlayInputs): PortRequest[] {
  const own = containers
    .flatMap(container => container.objects('ports'))
    .flatMap(port => portOf(port, shape.publishAll, warn))
  const isReplaced = ({ containerPort, protocol }: PortRequest) =>
    shape.publish.some(
      other =>
        other.protocol === protocol &&
        containerPort >= other.containerPort &&
        containerPort < other.containerPort + other.range,
    )
  return [...own.filter(port => !isReplaced(port)), ...shape.publish]
}

function portOf(port: KubeField, publishAll: boolean, warn: (text: string) => void): PortRequest[] {
  port.check({ honoured: 'containerPort hostPort hostIP protocol', idle: 'name' }, warn)
  const host = port.integer('hostPort', 0, 65535) ?? 0
  const containerPort = port.integer('containerPort', 1, 65535) ?? host
  if (containerPort === 0) throw port.error('has no "containerPort"')
  const protocol = port.choice('protocol', ['', 'TCP', 'UDP', 'SCTP', 'tcp', 'udp', 'sctp']) || 'tcp'
  const hostPort = host === 0 && publishAll ? containerPort : host
  if (hostPort === 0) return []
  return [
    {
      hostIp: port.text('hostIP') ?? '',
      hostPort,
      containerPort,
      range: 1,
      protocol: protocol.toLowerCase() as PortRequest['protocol'],
    },
  ]
}
