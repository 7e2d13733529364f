import { expect, test } from 'bun:test'
import { parseContainerfile } from '#build/parse/containerfile.ts'
import { parseRunMount } from '#build/parse/run-mount.ts'
import { planGraph } from '#build/plan/graph.ts'
import { globalScope, unusedArgs } from '#build/plan/scope.ts'
import { planStage } from '#build/plan/stage.ts'
import type { Step } from '#build/plan/step.ts'
import type { ExecutionConfig } from '#oci/image-config.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }

interface Options {
  args?: Record<string, string>
  base?: ExecutionConfig
}

function planOf(text: string, { args = {}, base = {} }: Options = {}, index = 0): Step[] {
  const file = parseContainerfile('Containerfile', text)
  const given = {
    given: new Map(Object.entries(args)),
    platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    buildPlatform: amd64,
    target: '',
  }
  return planStage({
    instructions: file.stages[index]?.instructions ?? [],
    base: { config: base },
    args: given,
    globals: globalScope(file, given),
    escape: file.directives.escape,
    env: [],
  })
}
const configOf = (text: string, options?: Options) => planOf(text, options).at(-1)?.config
const runOf = (text: string, options?: Options, index?: number) => {
  const action = planOf(text, options, index).findLast(step => step.action?.kind === 'run')?.action
  if (action?.kind !== 'run') throw new Error('no RUN')
  return action
}
const copyOf = (text: string) => {
  const action = planOf(text).findLast(step => step.action?.kind === 'copy')?.action
  if (action?.kind !== 'copy') throw new Error('no COPY')
  return action
}
function graphOf(text: string, more: { target?: string; contexts?: string[]; from?: string } = {}) {
  const file = parseContainerfile('Containerfile', text)
  const given = { given: new Map(), platform: amd64, buildPlatform: amd64, target: '' }
  return planGraph({ file, globals: globalScope(file, given), ...more, contexts: new Set(more.contexts) })
}

test('ENV: what an instruction sets counts from the next one on', () => {
  expect(configOf('FROM x\nENV A=1\nENV A=2 B=$A\nENV C=$A', { base: { Env: ['P=/bin'] } })?.Env).toEqual([
    'P=/bin',
    'A=2',
    'B=1',
    'C=2',
  ])
})

test('CMD and ENTRYPOINT: shell form takes the SHELL, a new ENTRYPOINT drops the CMD of the base', () => {
  expect(configOf('FROM x\nSHELL ["/bin/bash", "-c"]\nCMD a b')?.Cmd).toEqual(['/bin/bash', '-c', 'a b'])
  expect(configOf('FROM x\nENTRYPOINT ["e"]', { base: { Cmd: ['old'] } })).toEqual({ Entrypoint: ['e'] })
  expect(configOf('FROM x\nCMD ["c"]\nENTRYPOINT ["e"]')).toEqual({ Cmd: ['c'], Entrypoint: ['e'] })
})

test('the other instructions of the configuration', () => {
  expect(
    configOf(`FROM x
ARG P=8080
LABEL a=1 b="two words"
EXPOSE $P 53/udp 90-92
VOLUME /data
USER 1000:1000
WORKDIR /app
WORKDIR sub
STOPSIGNAL SIGINT
HEALTHCHECK --interval=30s --timeout=1m --retries=2 CMD test
ONBUILD RUN echo $P`),
  ).toEqual({
    Labels: { a: '1', b: 'two words' },
    ExposedPorts: { '8080/tcp': {}, '53/udp': {}, '90/tcp': {}, '91/tcp': {}, '92/tcp': {} },
    Volumes: { '/data': {} },
    User: '1000:1000',
    WorkingDir: '/app/sub',
    StopSignal: 'SIGINT',
    Healthcheck: { Test: ['CMD-SHELL', 'test'], Interval: 30e9, Timeout: 60e9, Retries: 2 },
    OnBuild: ['RUN echo $P'],
  })
})

test("the base's ONBUILD is not the new image's", () => {
  expect(configOf('FROM x\nENV A=1', { base: { OnBuild: ['RUN x'] } })).toEqual({ Env: ['A=1'] })
})

test('ARG: default, argument given, inherited from before FROM, the platform', () => {
  const text = 'ARG V=1\nARG W=$V.0\nFROM x\nARG V\nARG W=9\nARG X=x$V\nARG TARGETARCH\nARG UNSET\nRUN a'
  expect(runOf(text).env).toEqual(['V=1', 'W=9', 'X=x1', 'TARGETARCH=arm64'])
  expect(runOf(text, { args: { V: '5', UNSET: 'u' } }).env).toEqual([
    'V=5',
    'W=9',
    'X=x5',
    'UNSET=u',
    'TARGETARCH=arm64',
  ])
  expect(runOf('FROM x\nARG A=1\nFROM y\nRUN a', {}, 1).env).toEqual([])
})

test('ENV wins over ARG', () => {
  expect(runOf('FROM x\nARG A=arg\nENV A=env\nRUN a', { args: { A: 'given' } }).env).toEqual(['A=env'])
})

test('arguments that nothing declares are known', () => {
  const file = parseContainerfile('f', 'ARG A\nFROM x\nARG B')
  expect(unusedArgs(file, new Map(['A', 'B', 'C'].map(name => [name, '1'])))).toEqual(['C'])
})

test('RUN: what is executed, and what the history says', () => {
  const steps = planOf('FROM x\nARG A=1\nRUN echo $A\nRUN ["x", "$A"]')
  expect(steps.map(({ createdBy }) => createdBy)).toEqual([
    '/bin/sh -c #(nop) ARG A=1',
    '|1 A=1 /bin/sh -c echo $A',
    '|1 A=1 x $A',
  ])
  expect(steps.slice(1).map(({ action }) => action?.kind === 'run' && action.args)).toEqual([
    ['/bin/sh', '-c', 'echo $A'],
    ['x', '$A'],
  ])
})

test('RUN: a here-document is the script, a program of its own, or input', () => {
  expect(runOf('FROM x\nRUN <<E\na\nb\nE').args).toEqual(['/bin/sh', '-c', 'a\nb\n'])
  expect(runOf('FROM x\nRUN <<E\n#!/bin/awk\nb\nE')).toMatchObject({
    args: ['/dev/pipes/E'],
    script: { path: '/dev/pipes/E', content: '#!/bin/awk\nb\n' },
  })
  expect(runOf('FROM x\nRUN cat <<E >/f\nb\nE').args).toEqual(['/bin/sh', '-c', 'cat <<E >/f\nb\nE\n'])
})

test('RUN: mounts, with variables and relative targets', () => {
  expect(runOf('FROM x\nARG D=c\nWORKDIR /w\nRUN --mount=type=cache,target=$D,sharing=locked a').mounts).toEqual([
    {
      type: 'cache',
      target: '/w/c',
      id: 'c',
      sharing: 'locked',
      readOnly: false,
      source: '/',
      mode: 0o755,
      uid: 0,
      gid: 0,
    },
  ])
})

test('COPY: destinations, documents, variables', () => {
  expect(copyOf('FROM x\nWORKDIR /w\nENV D=d\nCOPY --chown=$D a ${D}/')).toMatchObject({
    destination: '/w/d/',
    chown: 'd',
    sources: [{ kind: 'path', pattern: 'a' }],
    unpack: false,
  })
  expect(copyOf('FROM x\nCOPY a .')).toMatchObject({ destination: '/' })
  expect(copyOf('FROM x\nARG A=1\nCOPY <<F <<"G" /d/\n$A\nF\n$A\nG').sources).toEqual([
    { kind: 'inline', name: 'F', content: '1\n' },
    { kind: 'inline', name: 'G', content: '$A\n' },
  ])
  expect(
    copyOf('FROM x\nADD https://a/b.tar https://a/b.git#v1 git@h:o/r c /d/').sources.map(({ kind }) => kind),
  ).toEqual(['url', 'git', 'git', 'path'])
})

const wrong: [string, string][] = [
  ['FROM x\nEXPOSE 99999', ':2:8: EXPOSE "99999"'],
  ['FROM x\nUSER $NONE', ':2:1: USER is empty'],
  ['FROM x\nENV A=${B', ':2:7: the variable in ${B has no closing brace'],
  ['FROM x\nSTOPSIGNAL FOO', ':2:12: STOPSIGNAL'],
  ['FROM x\nHEALTHCHECK --interval=abc CMD x', ':2:24: HEALTHCHECK --interval=abc'],
  ['FROM x\nRUN --mount=type=cache x', ':2:13: --mount=type=cache: it has no target'],
  ['FROM x\nADD --checksum=sha256:00 https://a/b /', ':2:5: --checksum=sha256:00 must be sha256: and 64 hex'],
  ['FROM x\nADD --checksum=v1 https://a/b.git /', ':2:5: --checksum=v1 must be a commit'],
  ['FROM x\nADD --checksum=sha256:00 a /', ':2:5: --checksum is for a single source'],
  ['FROM x\nRUN --mount=type=nfs,target=/x x', 'the type "nfs" is unknown'],
]
for (const [text, wanted] of wrong)
  test(`refused: ${text.split('\n')[1] ?? ''}`, () => expect(() => planOf(text)).toThrow(wanted))

test('every type of mount with its keys', () => {
  expect(parseRunMount('target=/x,ro')).toMatchObject({ type: 'bind', source: '/', readWrite: false })
  expect(parseRunMount('type=bind,src=a,dst=/x,from=s,rw')).toEqual({
    type: 'bind',
    target: '/x',
    source: 'a',
    from: 's',
    readWrite: true,
  })
  expect(parseRunMount('type=secret,id=k')).toMatchObject({ target: '/run/secrets/k', mode: 0o400 })
  expect(parseRunMount('type=secret,id=k,env=K')).not.toHaveProperty('target')
  expect(parseRunMount('type=ssh')).toMatchObject({ id: 'default', mode: 0o600 })
  expect(parseRunMount('type=tmpfs,target=/t,size=64m')).toMatchObject({ sizeBytes: 64 << 20 })
  expect(() => parseRunMount('type=tmpfs,target=/t,id=x')).toThrow('has no "id"')
})

test('the graph: only what the target needs, bases and sources before it', () => {
  const text =
    'FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two x y\nFROM c AS four\nRUN --mount=from=three,target=/t x'
  const names = (target?: string) => graphOf(text, { target }).nodes.map(({ stage }) => stage.name)
  expect(names()).toEqual(['one', 'two', 'three', 'four'])
  expect(names('three')).toEqual(['one', 'two', 'three'])
  expect(names('two')).toEqual(['two'])
  expect(names('0')).toEqual(['one'])
})

test('the graph: what a name means', () => {
  const text = 'ARG I=alpine\nFROM $I AS a\nFROM ctx\nCOPY --from=0 x y\nCOPY --from=img x y\nFROM scratch'
  const nodes = graphOf(text, { contexts: ['ctx'] }).nodes
  expect(nodes.map(({ base }) => base)).toEqual([{ kind: 'scratch' }])
  expect(graphOf(text, { contexts: ['ctx'], target: '1' }).nodes.map(({ base }) => base)).toEqual([
    { kind: 'image', name: 'alpine' },
    { kind: 'context', name: 'ctx' },
  ])
  expect(graphOf('FROM x', { from: 'y' }).target.base).toEqual({ kind: 'image', name: 'y' })
})

test('the graph refuses names that lead nowhere', () => {
  expect(() => graphOf('FROM a AS b', { target: 'c' })).toThrow('--target c')
  expect(() => graphOf('FROM $NONE')).toThrow(':1:6: FROM $NONE is empty')
  expect(() => graphOf('FROM a\nCOPY --from=3 x y')).toThrow('there is no stage 3 before this one')
})
