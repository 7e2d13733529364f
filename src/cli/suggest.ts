// "Did you mean this?": known words near a mistyped one. Pure.

/** Words at most two edits away (one, for words of up to three letters), or that begin with the text; nearest first. */
export function suggest(typed: string, words: readonly string[]): string[] {
  const reach = typed.length <= 3 ? 1 : 2
  return words
    .map(word => ({ word, distance: word.startsWith(typed) ? 0.5 : editDistance(typed, word) }))
    .filter(({ distance }) => distance <= reach)
    .sort((a, b) => a.distance - b.distance)
    .map(({ word }) => word)
}

/** Damerau's distance: letters inserted, dropped, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let best = Math.min((row[j - 1] ?? 0) + 1, (last[j] ?? 0) + 1, (last[j - 1] ?? 0) + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1)
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
