import { expect, test } from 'bun:test'
import { applyChanges } from '#image/config-changes.ts'

test('commands are JSON lists or lines for the shell', () => {
  expect(applyChanges({}, ['CMD ["/bin/ls","-l"]', 'ENTRYPOINT exec top -b'])).toEqual({
    Cmd: ['/bin/ls', '-l'],
    Entrypoint: ['/bin/sh', '-c', 'exec top -b'],
  })
  expect(applyChanges({}, ['cmd=/bin/sh']).Cmd).toEqual(['/bin/sh', '-c', '/bin/sh'])
  expect(applyChanges({}, ['CMD [not json']).Cmd).toEqual(['/bin/sh', '-c', '[not json'])
})

test('variables are set, replaced and quoted as a shell would', () => {
  const config = applyChanges({ Env: ['A=old', 'KEPT=1'] }, [
    'ENV A=1 B="two words" C=\'$x\' D=e\\ f',
    'ENV LAST all of it',
  ])
  expect(config.Env).toEqual(['KEPT=1', 'A=1', 'B=two words', 'C=$x', 'D=e f', 'LAST=all of it'])
})

test('ports, volumes, labels and folders add to what is there', () => {
  const config = applyChanges({ WorkingDir: '/srv', Labels: { a: '1' }, ExposedPorts: { '1/tcp': {} } }, [
    'EXPOSE 80 443/udp 8000-8001',
    'VOLUME ["/a b"]',
    'VOLUME /c /d',
    'LABEL b="x y" c=z',
    'WORKDIR sub/../app',
    'USER 1000:50',
    'STOPSIGNAL SIGQUIT',
    'ONBUILD RUN make',
  ])
  expect(config).toEqual({
    ExposedPorts: { '1/tcp': {}, '80/tcp': {}, '443/udp': {}, '8000/tcp': {}, '8001/tcp': {} },
    Volumes: { '/a b': {}, '/c': {}, '/d': {} },
    Labels: { a: '1', b: 'x y', c: 'z' },
    WorkingDir: '/srv/app',
    User: '1000:50',
    StopSignal: 'SIGQUIT',
    OnBuild: ['RUN make'],
  })
})

test('what is no change is refused by name', () => {
  for (const [text, words] of [
    ['RUN make', '"RUN" is no such instruction'],
    ['CMD', 'must be an instruction and its value'],
    ['EXPOSE 70000', '"70000" is no port'],
    ['EXPOSE 9-8', '"9-8" is no port'],
    ['LABEL =x', '"=x" must be KEY=VALUE'],
    ['STOPSIGNAL SIGNOPE', 'SIGNOPE'],
  ] as const)
    expect(() => applyChanges({}, [text])).toThrow(words)
})
