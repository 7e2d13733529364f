import { expect, test } from 'bun:test'
import { parseContainerfile } from '#build/parse/containerfile.ts'
import type { Instruction } from '#build/parse/instruction.ts'
import { TspodError } from '#errors.ts'

const parse = (text: string) => parseContainerfile('Containerfile', text)
const instructions = (text: string): Instruction[] => parse(`FROM x\n${text}`).stages[0]?.instructions ?? []
type Of<K, I = Instruction> = I extends { kind: infer Q } ? (K extends Q ? I : never) : never
function one<K extends Instruction['kind']>(text: string, kind: K): Of<K> {
  const [first] = instructions(text)
  expect(first?.kind).toBe(kind)
  return first as Of<K>
}
function message(text: string): string {
  try {
    parse(text)
  } catch (error) {
    if (error instanceof TspodError) return error.message
    throw error
  }
  throw new Error(`nothing wrong in ${text}`)
}

test('stages: names, numbers, arguments before the first one', () => {
  const { stages, globalArgs } = parse('ARG V=1\nFROM a:$V AS Base\nRUN x\nFROM --platform=linux/arm64 base\n')
  expect(globalArgs.map(({ items }) => items)).toEqual([[{ name: 'V', value: '1' }]])
  expect(stages.map(({ name, index }) => [index, name])).toEqual([
    [0, 'base'],
    [1, undefined],
  ])
  expect(stages[1]?.from).toMatchObject({ image: 'base', platform: 'linux/arm64' })
})

test('continued lines are joined; comments and empty lines between them are left out', () => {
  const run = one('RUN a && \\\n  # a comment\n\n  b \\\n  c', 'run')
  expect(run.command).toEqual({ form: 'shell', text: 'a &&   b   c' })
  expect([run.line.startLine, run.line.endLine]).toEqual([2, 6])
})

test('the escape directive changes what continues a line', () => {
  const { stages } = parse('# escape=`\nFROM x\nRUN dir C:\\ `\n b\n')
  expect(stages[0]?.instructions[0]).toMatchObject({ command: { text: 'dir C:\\  b' } })
})

test('directives end at the first line that is none', () => {
  expect(parse('# a comment\n# escape=`\nFROM x').directives.escape).toBe('\\')
  expect(parse('# syntax=docker/dockerfile:1.7-labs\n# check=skip=all\nFROM x').directives).toMatchObject({
    syntax: 'docker/dockerfile:1.7-labs',
    check: 'skip=all',
  })
})

test('RUN: exec form, flags, JSON that is none', () => {
  expect(one('RUN ["a", "b c"]', 'run').command).toEqual({ form: 'exec', list: ['a', 'b c'] })
  expect(one('RUN [ -d / ] && x', 'run').command).toEqual({ form: 'shell', text: '[ -d / ] && x' })
  const run = one('RUN --network=none --mount=type=cache,target=/c --mount=type=tmpfs,target=/t a --b', 'run')
  expect(run).toMatchObject({ network: 'none', mounts: ['type=cache,target=/c', 'type=tmpfs,target=/t'] })
  expect(run.command).toEqual({ form: 'shell', text: 'a --b' })
})

test('here-documents of RUN and COPY', () => {
  const run = one('RUN <<EOF\necho $A\n# kept\nEOF\nUSER x', 'run')
  expect(run.line.heredocs).toEqual([{ name: 'EOF', content: 'echo $A\n# kept\n', expands: true, word: '<<EOF' }])
  expect(instructions('RUN <<EOF\na\nEOF\nUSER x').map(({ kind }) => kind)).toEqual(['run', 'user'])
  const copy = one('COPY <<-"A" <<B /x/\n\tone\n\tA\ntwo\nB', 'copy')
  expect(copy.sources).toEqual(['<<-"A"', '<<B'])
  expect(copy.line.heredocs.map(({ content, expands }) => [content, expands])).toEqual([
    ['one\n', false],
    ['two\n', true],
  ])
})

test('COPY and ADD: words, lists, flags', () => {
  expect(one('COPY --from=b --chown=1:2 --chmod=0755 --link --exclude=*.md a "b c" /d/', 'copy')).toMatchObject({
    sources: ['a', '"b c"'],
    destination: '/d/',
    from: 'b',
    chown: '1:2',
    chmod: '0755',
    link: true,
    parents: false,
    exclude: ['*.md'],
  })
  expect(one('ADD --checksum=sha256:00 --keep-git-dir=true ["a b", "/c"]', 'add')).toMatchObject({
    sources: ['a b'],
    checksum: 'sha256:00',
    keepGitDir: true,
  })
})

test('ENV and LABEL: pairs with quotes, and the old form', () => {
  expect(one('ENV A=1 B="x y" C=a\\ b', 'env').pairs).toEqual([
    { key: 'A', value: '1', raw: 'A=1' },
    { key: 'B', value: '"x y"', raw: 'B="x y"' },
    { key: 'C', value: 'a\\ b', raw: 'C=a\\ b' },
  ] as never)
  expect(one('ENV A some words', 'env').pairs[0]).toMatchObject({ key: 'A', value: 'some words' })
})

test('HEALTHCHECK', () => {
  expect(one('HEALTHCHECK --interval=5s --retries=3 CMD curl -f x', 'healthcheck')).toMatchObject({
    interval: '5s',
    retries: '3',
    command: { form: 'shell', text: 'curl -f x' },
  })
  expect(one('HEALTHCHECK NONE', 'healthcheck').command).toBeUndefined()
})

test('the other instructions', () => {
  expect(one('SHELL ["/bin/bash", "-c"]', 'shell').list).toEqual(['/bin/bash', '-c'])
  expect(one('VOLUME /a /b', 'volume').words).toEqual(['/a', '/b'])
  expect(one('VOLUME ["/a b"]', 'volume').words).toEqual(['/a b'])
  expect(one('EXPOSE 80 $P', 'expose').text).toBe('80 $P')
  expect(one('ONBUILD RUN x', 'onbuild').text).toBe('RUN x')
  expect(one('CMD', 'cmd').command).toEqual({ form: 'shell', text: '' })
  expect(one('ENTRYPOINT ["a"]', 'entrypoint').command).toEqual({ form: 'exec', list: ['a'] })
  expect(one('MAINTAINER A B', 'maintainer').value).toBe('A B')
  expect(one('ARG A B=2', 'arg').items).toEqual([{ name: 'A' }, { name: 'B', value: '2' }])
})

const mistakes: [string, string, string][] = [
  ['an unknown instruction', 'FROM x\nRUM y', 'Containerfile:2:1: "RUM" is no instruction'],
  ['nothing', '', 'Containerfile:1:1: the file has no FROM'],
  ['an instruction before FROM', 'RUN x\nFROM y', 'Containerfile:1:1: RUN stands before the first FROM'],
  ['FROM with too many words', 'FROM a b', 'Containerfile:1:8: FROM a b must be'],
  ['a bad stage name', 'FROM a AS 1b', 'Containerfile:1:11: the stage name "1b"'],
  ['an unknown flag', 'FROM a\nCOPY --chwon=1 a b', 'Containerfile:2:6: COPY has no flag --chwon'],
  ['COPY without a destination', 'FROM a\nCOPY a', 'Containerfile:2:6: COPY a must have'],
  ['no arguments', 'FROM a\nWORKDIR', 'Containerfile:2:1: WORKDIR has no arguments'],
  ['an open here-document', 'FROM a\nRUN <<E\nx', 'Containerfile:2:5: the here-document "E" never ends'],
  ['numbers in a list', 'FROM a\nCMD ["a", 1]', 'Containerfile:2:5: CMD ["a", 1] must be a list of strings'],
  ['SHELL without a list', 'FROM a\nSHELL bash', 'Containerfile:2:7: SHELL bash must be a JSON list'],
  ['ENV without a value', 'FROM a\nENV A', 'Containerfile:2:5: ENV "A" must be NAME=value'],
  [
    'a flag in a continued line',
    'FROM a\nRUN --network=none \\\n  --mont=x y',
    'Containerfile:3:3: RUN has no flag --mont',
  ],
  ['HEALTHCHECK with another word', 'FROM a\nHEALTHCHECK curl x', 'Containerfile:2:13: HEALTHCHECK "curl" must be CMD'],
  ['ONBUILD ONBUILD', 'FROM a\nONBUILD ONBUILD RUN x', 'Containerfile:2:9: ONBUILD ONBUILD is not allowed'],
  [
    'another frontend',
    '# syntax=example.com/x\nFROM a',
    'Containerfile:1:1: the frontend "example.com/x" is not supported',
  ],
  ['a wrong escape', '# escape=x\nFROM a', 'Containerfile:1:1: the directive "escape" is "x"'],
  [
    'privileges',
    'FROM a\nRUN --security=insecure x',
    'Containerfile:2:5: RUN --security=insecure is not implemented yet',
  ],
]
for (const [what, text, wanted] of mistakes)
  test(`${what} is an error with its place`, () => expect(message(text)).toContain(wanted))

test('an error shows the lines around it', () => {
  expect(message('FROM a\nRUM y\nUSER z')).toBe(
    'Containerfile:2:1: "RUM" is no instruction\n  1 | FROM a\n> 2 | RUM y\n    | ^\n  3 | USER z',
  )
})
