// The word that was probably meant. Pure.

/** The word with the fewest slips, at most so many; `undefined` where none is near. */
export function nearest(word: string, words: readonly string[], mostSlips = 2): string | undefined {
  const [best] = words.map(each => ({ each, slips: distance(word, each) })).sort((a, b) => a.slips - b.slips)
  return best !== undefined && best.slips <= mostSlips && best.slips < word.length ? best.each : undefined
}

/** Levenshtein's distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [i, letter] of a.split('').entries()) {
    const next = [i + 1]
    for (const [j, other] of b.split('').entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (letter === other ? 0 : 1)))
    row = next
  }
  return row[b.length] ?? 0
}
