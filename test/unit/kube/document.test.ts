import { expect, test } from 'bun:test'
import { parseDocuments } from '#kube/document.ts'

const values = async (text: string) => (await parseDocuments(text, 'a.yaml')).map(({ field }) => field.value)

const refusalOf = async (text: string) => {
  try {
    return JSON.stringify(await values(text))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

test('parseDocuments() gives several documents and leaves empty ones out', async () => {
  expect(await values('---\nkind: A\n---\n---\n# nothing\n---\nkind: B\n')).toEqual([{ kind: 'A' }, { kind: 'B' }])
  expect(await values('')).toEqual([])
})

test('parseDocuments() reads JSON', async () => {
  expect(await values('{"kind": "Pod", "n": 1}')).toEqual([{ kind: 'Pod', n: 1 }])
})

test('parseDocuments() reads scalars as Kubernetes does', async () => {
  expect(await values('kind: A\nmode: 0644\nday: 2020-01-01\nport: 1:30\nyes: {on: "on"}')).toEqual([
    { kind: 'A', mode: 0o644, day: '2020-01-01', port: '1:30', true: { true: 'on' } },
  ])
})

test('parseDocuments() follows anchors and merges', async () => {
  expect(await values('kind: A\na: &x {b: 1}\nc: {<<: *x, d: 2}')).toEqual([
    { kind: 'A', a: { b: 1 }, c: { b: 1, d: 2 } },
  ])
})

test.each([
  ['kind: A\n---\nkind: B\na: [', 'reading "a.yaml": document 2, line'],
  ['kind: A\nkind: B', 'document 1, line 2: Map keys must be unique'],
  ['kind: A\nb: *missing', 'document 1, line 1: Unresolved alias'],
  ['- 1', 'document 1, line 1: is [1], must be an object'],
  ['a: 1', 'document 1, line 1: kind is missing'],
  ['kind: 7', 'document 1, line 1: kind is 7, must be a text'],
])('parseDocuments() refuses %j and names the place', async (text, message) => {
  expect(await refusalOf(text)).toContain(message)
})

test('parseDocuments() refuses aliases that would fill the memory', async () => {
  const levels = Array.from({ length: 9 }, (_, at) => `x${at + 1}: &x${at + 1} [${`*x${at},`.repeat(9)}]`)
  expect(await refusalOf(`kind: A\nx0: &x0 [a]\n${levels.join('\n')}`)).toContain('alias')
})

test('parseDocuments() names the line of a field, and of one that is missing the line of what lacks it', async () => {
  const [document] = await parseDocuments('kind: Pod\nspec:\n  containers:\n  - name: a\n  - image: 5\n', 'a.yaml')
  const containers = document?.field.objectOrEmpty('spec').objects('containers') ?? []
  expect(() => containers[1]?.text('image')).toThrow(
    'document 1, line 5: spec.containers[1].image is 5, must be a text',
  )
  expect(() => containers[0]?.neededText('image')).toThrow('line 4: spec.containers[0].image is missing')
})
