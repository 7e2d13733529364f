import { describe, expect, test } from 'bun:test'
import { decideHostUser, parsePasswd } from '#host/user.ts'

const identity = () => '         0          0 4294967295\n'
const decide = (uid: number, record: string | undefined, readUidMap: () => string) =>
  decideHostUser({ uid, gid: uid, record, readUidMap })

describe('decideHostUser()', () => {
  test('believes the kernel about an ordinary user, whatever the environment says', () => {
    expect(decide(1000, '0:0', identity)).toEqual({ uid: 1000, gid: 1000, isRoot: false, insideUserNamespace: false })
  })

  test('reads no map for an ordinary user', () => {
    const readUidMap = () => {
      throw new Error('was read')
    }
    expect(decide(1000, undefined, readUidMap).uid).toBe(1000)
  })

  test('inside the user namespace gives the ids of the host', () => {
    const user = decide(0, '1000:100', () => '0 1000 1\n1 100000 65536\n')
    expect(user).toEqual({ uid: 1000, gid: 100, isRoot: false, insideUserNamespace: true })
  })

  test("inside the host root's namespace, whose root is another id, gives root", () => {
    const user = decide(0, '0:0', () => '0 1000013824 65536\n')
    expect(user).toEqual({ uid: 0, gid: 0, isRoot: true, insideUserNamespace: true })
  })

  test('does not believe a record that the map contradicts', () => {
    expect(decide(0, '1000:1000', () => '0 1001 1\n').insideUserNamespace).toBe(false)
    expect(decide(0, '0:0', identity).insideUserNamespace).toBe(false)
    expect(decide(0, '1000', () => '0 1000 1\n').insideUserNamespace).toBe(false)
  })
})

test('parsePasswd() leaves out what is no entry: NIS lines, comments, missing ids', () => {
  const text =
    'root:x:0:0:root:/root:/bin/bash\n+::::::\n#alice:x:1:1::/:\nbob:x::5::/:\ncarol:x:1000:100:Carol, Room 1:/home/carol:\n'
  expect(parsePasswd(text)).toEqual([
    { name: 'root', uid: 0, gid: 0, home: '/root', shell: '/bin/bash' },
    { name: 'carol', uid: 1000, gid: 100, home: '/home/carol', shell: '' },
  ])
})
