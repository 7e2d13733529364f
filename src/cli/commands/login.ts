// `tspod login` and `tspod logout`.
import { defineCommand, usageError } from '#cli/command.ts'
import { flag, text } from '#cli/option.ts'
import { printLine } from '#cli/output.ts'

const authfile = text('file', 'Keep credentials in this file', { completes: 'files' })

export const loginCommand = defineCommand({
  usage: '[options] [REGISTRY]',
  description: 'REGISTRY may go on with a path (quay.io/someone); by default it is the first of the search list.',
  examples: ['login quay.io', 'login -u me --password-stdin quay.io < token'],
  options: {
    authfile,
    certDir: text('folder', 'Take TLS certificates from this folder', { completes: 'folders' }),
    getLogin: flag('Print who is logged in'),
    password: text('text', 'Password; others on this machine may see it', { short: 'p' }),
    passwordStdin: flag('Read the password from standard input'),
    tlsVerify: flag('Require HTTPS with a trusted certificate (default: as registries.conf says)'),
    username: text('name', 'User name', { short: 'u' }),
    verbose: flag('Say where the password is kept', { short: 'v' }),
  },
  operands: '[registry]',
  completes: ['none'],
  async run(values, [name]) {
    const { username, password, passwordStdin = false } = values
    if (passwordStdin && password !== undefined) throw usageError("can't specify both --password-stdin and --password")
    if (passwordStdin && username === undefined) throw usageError('must provide --username with --password-stdin')
    const { findLogin, loginRegistry, loginRegistryWith, tryLogin } = await import('#engine/image/login.ts')
    const registry = await loginRegistry(name)
    const options = { authFile: values.authfile, certDir: values.certDir, tlsVerify: values.tlsVerify }
    const known = username === undefined || values.getLogin === true ? await findLogin(registry, options) : undefined
    if (values.getLogin === true) {
      if (known === undefined) throw usageError(`not logged into ${registry}`)
      printLine(known.username)
      return
    }
    if (known !== undefined && password === undefined) {
      printLine(`Authenticating with existing credentials for ${registry}`)
      if (await tryLogin(registry, options)) {
        printLine(`Existing credentials are valid. Already logged in to ${registry}`)
        return
      }
      printLine('Existing credentials are invalid, please enter valid username and password')
    }
    const { ask, askSecret, readPassword } = await import('#cli/prompt.ts')
    const user = username ?? ask(known === undefined ? 'Username: ' : `Username (${known.username}): `)
    const chosen = user === '' ? (known?.username ?? '') : user
    if (chosen === '') throw usageError('there must be a user name')
    const secret = passwordStdin ? readPassword() : (password ?? askSecret('Password: '))
    const { storedIn } = await loginRegistryWith(registry, { ...options, username: chosen, password: secret })
    if (values.verbose === true) printLine(`Used:  ${storedIn}`)
    printLine('Login Succeeded!')
  },
})

export const logoutCommand = defineCommand({
  usage: '[options] [REGISTRY]',
  examples: ['logout quay.io', 'logout --all'],
  options: {
    all: flag('Forget the passwords of all registries', { short: 'a' }),
    authfile,
  },
  operands: '[registry]',
  completes: ['none'],
  async run(values, [name]) {
    const { all = false } = values
    if (all && name !== undefined) throw usageError('--all takes no arguments')
    const { loginRegistry, logoutRegistry } = await import('#engine/image/login.ts')
    const registry = all ? undefined : await loginRegistry(name)
    await logoutRegistry(registry, { authFile: values.authfile })
    printLine(`Removed login credentials for ${registry ?? 'all registries'}`)
  },
})
