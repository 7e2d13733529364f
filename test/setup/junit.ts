// Reads what `bun test --reporter=junit` writes.

export interface Totals {
  passed: number
  failed: number
  skipped: number
}

/** The sums of one report or several; `undefined` for a text that is none. */
export function readTotals(text: string): Totals | undefined {
  const heads = text.match(/<testsuites [^>]*>/g)
  if (heads === null) return undefined
  const count = (name: string) =>
    heads.reduce((sum, head) => sum + Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0), 0)
  const [failed, skipped] = [count('failures') + count('errors'), count('skipped')]
  return { passed: count('tests') - failed - skipped, failed, skipped }
}

/** Names of the tests that were skipped, each with its reason in it. */
export const skippedNames = (text: string): string[] => namesWith(text, 'skipped')

/** Names of the tests that failed. */
export const failedNames = (text: string): string[] => namesWith(text, 'failure')

function namesWith(text: string, outcome: 'skipped' | 'failure'): string[] {
  const cases = text.matchAll(new RegExp(`<testcase name="([^"]*)"[^>]*>\\s*<${outcome}`, 'g'))
  return [...cases].map(([, name = '']) =>
    name
      .replaceAll('&quot;', '"')
      .replaceAll('&apos;', "'")
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&'),
  )
}
