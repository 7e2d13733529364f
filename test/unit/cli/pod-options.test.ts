// The options of pods as data.
import { describe, expect, test } from 'bun:test'
import { podCreateCommand } from '#cli/commands/pod.ts'
import { parseCommand } from '#cli/parse.ts'
import { parsePodFilters } from '#cli/pod-filters.ts'
import { podRequest } from '#cli/pod-request.ts'
import { parseShare } from '#cli/pod-share.ts'

const asked = (...argv: string[]) => {
  const line = parseCommand(podCreateCommand, argv)
  return podRequest(line.values as never, line.operands, '/here')
}

describe('pod create', () => {
  test('asks for an infra container with what is its own to have', () => {
    const request = asked(
      '-p',
      '8080:80',
      '--hostname',
      'h',
      '-v',
      './data:/data',
      '--infra-name',
      'i',
      '--dns',
      '1.1.1.1',
      'web',
    )
    expect(request).toMatchObject({ name: 'web', share: ['ipc', 'net', 'uts'], exitPolicy: 'continue', replace: false })
    expect(request.infra).toMatchObject({ name: 'i', hostname: 'h', dns: ['1.1.1.1'] })
    expect(request.infra?.publish).toEqual([
      { hostIp: '', hostPort: 8080, containerPort: 80, range: 1, protocol: 'tcp' },
    ])
    expect(request.infra?.mounts[0]).toMatchObject({ type: 'bind', source: '/here/data' })
    expect(request.infra).not.toHaveProperty('image')
  })

  test('keeps what is said of the pod from its infra container', () => {
    const request = asked('--label', 'a=b', '--restart', 'always', '--replace', '--pod-id-file', 'f', '--name', 'x')
    expect(request).toMatchObject({
      labels: { a: 'b' },
      restart: { name: 'always' },
      replace: true,
      podIdFile: '/here/f',
    })
    expect(request.infra).toMatchObject({ labels: {}, replace: false })
    expect(request.infra?.restart).toBeUndefined()
    expect(request.infra?.pod).toBeUndefined()
  })

  test('shares a pid namespace that is named', () => {
    expect(asked('--pid', 'host').share).toEqual(['ipc', 'net', 'uts', 'pid'])
    expect(asked('--infra=false').share).toEqual([])
    expect(asked('--infra=false')).not.toHaveProperty('infra')
  })

  test.each([
    [['--infra=false', '-p', '80:80'], 'you must have an infra container'],
    [['--infra=false', '--network', 'none'], 'cannot set --network without an infra container'],
    [['--infra=false', '--share', 'net'], 'cannot set share(s) without an infra container'],
    [['--name', 'a', 'b'], 'cannot specify pod name in two places'],
    [['--share', 'foo'], 'invalid kernel namespace to share: foo'],
    [['--memory', '1g'], '--memory is not implemented yet'],
  ])('refuses %p', (argv, message) => expect(() => asked(...argv)).toThrow(message))
})

test.each([
  ['', []],
  ['none', []],
  ['net', ['net']],
  ['ipc,pid,ipc', ['ipc', 'pid']],
  ['+pid', ['ipc', 'net', 'uts', 'pid']],
])('--share %p is %p', (text, share) => expect<string[]>(parseShare(text)).toEqual(share))

describe('--filter of pod ps', () => {
  test('is data', () =>
    expect(parsePodFilters(['name=x', 'status=Running', 'ctr-number=2', 'label=a=b', 'ctr-status=exited'])).toEqual([
      { key: 'name', value: 'x' },
      { key: 'status', status: 'running' },
      { key: 'ctr-number', count: 2 },
      { key: 'label', name: 'a', value: 'b', not: false },
      { key: 'ctr-status', status: 'exited' },
    ]))

  test.each([
    ['x', 'must be in the form of filter=value'],
    ['foo=bar', 'foo is an invalid filter'],
    ['status=fine', 'must be one of'],
    ['ctr-number=x', 'must be a number'],
  ])('%p is refused', (text, message) => expect(() => parsePodFilters([text])).toThrow(message))
})
