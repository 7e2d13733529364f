// A command in a pseudo-terminal, as a person uses it: type, look at the screen, change its size.
import { until } from './sandbox.ts'

export interface TestTerminal {
  readonly pid: number
  /** Everything that was printed so far. */
  text(): string
  type(keys: string): void
  /** One key after the other, as fingers do. */
  press(...keys: string[]): Promise<void>
  resize(columns: number, rows: number): void
  /** Waits until the text matches; what was there before `mark` does not count. */
  shows(pattern: RegExp | string, mark?: number): Promise<void>
  /** A place in the text for `shows`. */
  mark(): number
  /** The terminal vanishes, as when its window is closed. */
  hangUp(): void
  /** Exit status. */
  exited: Promise<number>
}

export function openTerminal(command: string[], env: Record<string, string>, cwd: string): TestTerminal {
  let text = ''
  const decoder = new TextDecoder()
  const child = Bun.spawn(command, {
    env,
    cwd,
    terminal: { cols: 80, rows: 24, data: (_, bytes) => void (text += decoder.decode(bytes, { stream: true })) },
  })
  const terminal = child.terminal
  if (terminal === undefined) throw new Error('no pseudo-terminal')
  return {
    pid: child.pid,
    text: () => text,
    type: keys => void terminal.write(keys),
    async press(...keys) {
      for (const key of keys) {
        terminal.write(key)
        await Bun.sleep(50)
      }
    },
    resize: (columns, rows) => terminal.resize(columns, rows),
    mark: () => text.length,
    async shows(pattern, mark = 0) {
      const matches = () => {
        const seen = text.slice(mark)
        return typeof pattern === 'string' ? seen.includes(pattern) : pattern.test(seen)
      }
      try {
        await until(`the terminal to show ${pattern}`, matches)
      } catch (error) {
        throw new Error(`the terminal shows ${JSON.stringify(text.slice(mark))}, not ${pattern}`, { cause: error })
      }
    },
    hangUp: () => terminal.close(),
    exited: child.exited,
  }
}
