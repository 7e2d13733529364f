import { describe, expect, test } from 'bun:test'
import { planAccounts } from '#container/accounts.ts'
import { resolveUser } from '#container/users.ts'

const accounts = {
  passwd: [
    '# comment',
    'root:x:0:0:root:/root:/bin/sh',
    'daemon:x:2:2::/sbin:/bin/false',
    'broken:x:notanumber:1:::',
    'short:x:9',
    '1000:x:77:78:a name of digits:/digits:/bin/sh',
    'app:x:1000:1000:App:/home/app:/bin/sh',
    '',
  ].join('\n'),
  group: 'root:x:0:root\nbin:x:1:root,daemon,app\nwheel:x:10:app,\napp:x:1000:\nbad:x:y:app\n',
}

describe('resolveUser()', () => {
  const ids = (text: string, groupAdd: string[] = []) => {
    const { uid, gid, additionalGids } = resolveUser(text, groupAdd, accounts)
    return [uid, gid, additionalGids]
  }
  test('finds names and numbers in the image, with their groups', () => {
    expect(ids('')).toEqual([0, 0, [0, 1]])
    expect(ids('root')).toEqual([0, 0, [0, 1]])
    expect(ids('app')).toEqual([1000, 1000, [1000, 1, 10]])
    // a number is an id even where somebody is called so
    expect(ids('1000')).toEqual([1000, 1000, [1000, 1, 10]])
    expect(ids('5000')).toEqual([5000, 0, [0]])
  })
  test('a named group replaces the ones that list the user', () => {
    expect(ids('app:wheel')).toEqual([1000, 10, [10]])
    expect(ids('app:99')).toEqual([1000, 99, [99]])
    expect(ids('5:6')).toEqual([5, 6, [6]])
    expect(ids('app:')).toEqual([1000, 1000, [1000, 1, 10]])
  })
  test('--group-add takes names and numbers', () => {
    expect(ids('5', ['wheel', '44', 'wheel'])).toEqual([5, 0, [0, 10, 44]])
    expect(resolveUser('5', ['keep-groups'], accounts)).toMatchObject({ additionalGids: [], keepGroups: true })
    expect(() => resolveUser('5', ['keep-groups', '1'], accounts)).toThrow(
      "'--group-add keep-groups' option is not allowed",
    )
  })
  test('missing names are errors in words that scripts know', () => {
    expect(() => ids('nobody')).toThrow('unable to find user nobody: no matching entries in passwd file')
    expect(() => ids('app:nogroup')).toThrow('unable to find group nogroup: no matching entries in group file')
    expect(() => ids('broken')).toThrow('unable to find user broken')
    expect(() => ids('4294967295')).toThrow('must be in range')
    expect(() => ids('app:2147483648')).toThrow('must be in range')
  })
})

describe('planAccounts()', () => {
  const plan = (text: string, change: object = {}) =>
    planAccounts({
      request: { passwd: true },
      accounts,
      user: resolveUser(text, [], accounts),
      caller: undefined,
      workdir: '/work',
      hostUserEntries: [],
      ...change,
    })
  test('leaves files alone that know the user', () => {
    expect(plan('app')).toEqual({})
    expect(plan('')).toEqual({})
    expect(plan('5000', { request: { passwd: false } })).toEqual({})
  })
  test('adds an unknown uid, at home in the working directory', () => {
    expect(plan('5000').passwd).toBe(`${accounts.passwd}5000:*:5000:0:container user:/work:/bin/sh\n`)
    expect(plan('5000').group).toBeUndefined()
    expect(plan('5000:5001').group).toBe(`${accounts.group}5001:x:5001:5000\n`)
  })
  test('keep-id calls the ids as the caller is called', () => {
    const { passwd, group } = plan('2000:2000', { caller: { name: 'alice', groupName: 'staff' } })
    expect(passwd).toEndWith('\nalice:*:2000:2000:alice:/work:/bin/sh\n')
    expect(group).toEndWith('\nstaff:x:2000:alice\n')
  })
  test('templates replace their variables, in files without a last newline too', () => {
    const { passwd } = plan('7', {
      request: { passwd: true, passwdEntry: 'me:x:$UID:$GID:$NAME:$HOME:/bin/$SHELL' },
      accounts: { passwd: 'a:x:1:1::/:', group: '' },
    })
    expect(passwd).toBe('a:x:1:1::/:\nme:x:7:0:container user:/work:/bin/$SHELL\n')
  })
  test('--hostuser entries are added unless their name or uid is taken', () => {
    const { passwd } = plan('app', {
      hostUserEntries: ['bob:x:1234:1234::/home/bob:/bin/bash', 'app:x:4:4::/:', 'eve:x:1000:1::/:'],
    })
    expect(passwd).toBe(`${accounts.passwd}bob:x:1234:1234::/home/bob:/bin/bash\n`)
  })
})
