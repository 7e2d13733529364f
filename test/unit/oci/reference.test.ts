import { describe, expect, test } from 'bun:test'
import { familiarName, formatReference, parseReference, parseTypedName, withDefaultTag } from '#oci/reference.ts'

const hex = 'a'.repeat(64)

describe('parseReference() completes names as docker does', () => {
  const cases: [string, string, string][] = [
    ['alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['alpine:3.19', 'docker.io/library/alpine:3.19', 'alpine:3.19'],
    ['someone/tool', 'docker.io/someone/tool:latest', 'someone/tool:latest'],
    ['docker.io/alpine', 'docker.io/library/alpine:latest', 'alpine:latest'],
    ['index.docker.io/a/b', 'docker.io/a/b:latest', 'a/b:latest'],
    ['docker.io/library/a/b', 'docker.io/library/a/b:latest', 'library/a/b:latest'],
    ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
    ['localhost:5000/x', 'localhost:5000/x:latest', 'localhost:5000/x:latest'],
    ['quay.io/a/b/c:v1', 'quay.io/a/b/c:v1', 'quay.io/a/b/c:v1'],
    ['[::1]:5000/x', '[::1]:5000/x:latest', '[::1]:5000/x:latest'],
    ['Host/x', 'Host/x:latest', 'Host/x:latest'],
    [`alpine@sha256:${hex}`, `docker.io/library/alpine@sha256:${hex}`, `alpine@sha256:${hex}`],
    [`q.io/a:1@sha256:${hex}`, `q.io/a:1@sha256:${hex}`, `q.io/a:1@sha256:${hex}`],
    ['foo__bar.baz---x', 'docker.io/library/foo__bar.baz---x:latest', 'foo__bar.baz---x:latest'],
  ]
  test.each(cases)('%s', (text, full, familiar) => {
    const reference = withDefaultTag(parseReference(text))
    expect(formatReference(reference)).toBe(full)
    expect(familiarName(reference)).toBe(familiar)
    expect(parseReference(full)).toEqual(reference)
  })
})

describe('parseReference() refuses what is no name, and says why', () => {
  const cases: [string, string][] = [
    ['', 'empty'],
    ['Alpine', 'lower case'],
    ['alpine:', 'the tag after ":" is empty'],
    ['alpine:-x', 'the tag "-x"'],
    [`alpine:${'x'.repeat(129)}`, 'the tag'],
    ['a//b', 'between slashes'],
    ['/a', 'between slashes'],
    ['a/', 'between slashes'],
    ['-a', 'begin and end'],
    ['a..b', 'begin and end'],
    ['a b', '" " cannot be part'],
    ['a@sha256:12', '64 hexadecimal digits'],
    ['a@sha512:'.padEnd(137, 'a'), 'only sha256'],
    [hex, 'image id'],
    ['quay.io:port/x', 'host[:port]'],
    ['../x', 'host[:port]'],
    [`q.io/${'a/'.repeat(130)}a`, 'must have at most 255'],
    ['x\n', 'cannot be part'],
  ]
  test.each(cases)('%j', (text, why) => expect(() => parseReference(text)).toThrow(why))
})

test('parseTypedName() leaves a short name short', () => {
  expect(parseTypedName('someone/tool:1')).toEqual({ path: 'someone/tool', tag: '1' })
  expect(parseTypedName('q.io/tool').registry).toBe('q.io')
})
