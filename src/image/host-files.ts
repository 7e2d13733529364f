// Which files of this machine a set of programs needs: the programs, what their `#!` lines name, loaders, shared libraries, and the
// symbolic links on the way to each. Host namespaces.
import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { during, TspodError } from '#errors.ts'
import { findProgram } from '#host/helper-programs.ts'
import { runProgramSync } from '#host/run-program.ts'
import { parseLoaderList, readElf } from './elf.ts'

/** Libraries that glibc opens by itself, for users' names; part of it since 2.34. */
const alsoOpened = ['libnss_files.so.2']

/** Paths to copy, without duplicates: files and symbolic links as they are on this machine. */
export class HostFiles {
  /** Absolute path → target for symbolic links, undefined for files. */
  readonly paths = new Map<string, string | undefined>()
  readonly #examined = new Set<string>()

  /** A program by name or path, with all it needs. Throws NOT_FOUND. */
  addProgram(nameOrPath: string): void {
    const path = nameOrPath.includes('/') ? resolve(nameOrPath) : findProgram(nameOrPath)
    if (path === undefined || !existsSync(path))
      throw new TspodError('NOT_FOUND', `taking the program "${nameOrPath}" from this machine: it is not installed`)
    try {
      this.#addWithNeeds(path)
    } catch (error) {
      throw during(`taking the program "${nameOrPath}" from this machine`, error)
    }
  }

  /** The folders at the top that are links on this machine (`/bin` → `usr/bin`), and the shell where scripts expect it. */
  addTopLinks(): void {
    for (const path of ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'])
      if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
        this.paths.set(path, readlinkSync(path))
    this.addProgram('/bin/sh')
  }

  /** A file, with the links on the way; returns where it really is. */
  addFile(path: string): string {
    let at = '/'
    const parts = path.split('/').filter(Boolean)
    for (let links = 0; parts.length > 0; ) {
      at = join(at, parts.shift() ?? '')
      const facts = lstatSync(at)
      if (!facts.isSymbolicLink()) {
        if (!facts.isDirectory()) this.paths.set(at, undefined)
        continue
      }
      if (++links > 40) throw new TspodError('INVALID', `"${path}": too many symbolic links`)
      const target = readlinkSync(at)
      this.paths.set(at, target)
      parts.unshift(...resolve(dirname(at), target).split('/').filter(Boolean))
      at = '/'
    }
    return at
  }

  #addWithNeeds(path: string): void {
    const real = this.addFile(path)
    if (this.#examined.has(real)) return
    this.#examined.add(real)
    const content = readFileSync(real)
    const interpreter = /^#!\s*(\/\S+)(?:\s+(\S+))?/.exec(content.toString('latin1', 0, 256))
    if (interpreter !== null) {
      const [, program = '', argument] = interpreter
      this.#addWithNeeds(program)
      if (program.endsWith('/env') && argument !== undefined) this.addProgram(argument)
      return
    }
    const elf = readElf(content)
    if (elf?.kind === 'dynamic') this.#addLibraries(real, elf.loader)
  }

  #addLibraries(program: string, loader: string): void {
    this.addFile(loader)
    const { stdout, stderr } = runProgramSync(loader, ['--list', program], { timeoutMs: 10_000 })
    const { paths, missing } = parseLoaderList(stdout)
    if (missing.length > 0 || paths.length === 0)
      throw new TspodError(
        'NOT_FOUND',
        `"${program}" needs shared libraries that are not found: ${missing.join(', ') || stderr.trim()}`,
      )
    for (const path of paths) {
      this.addFile(path)
      for (const name of alsoOpened)
        if (path.includes('/libc.so') && existsSync(join(dirname(path), name))) this.addFile(join(dirname(path), name))
    }
  }
}
