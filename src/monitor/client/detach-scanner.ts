// Finds the keys that detach (attach(1), --detach-keys) in what is typed, across reads. Pure.

export class DetachScanner {
  readonly #keys: Uint8Array
  /** How many of the keys the last bytes match; those bytes are held back. */
  #matched = 0

  /** An empty sequence never matches. */
  constructor(keys: Uint8Array) {
    this.#keys = keys
  }

  /** What may be passed on of what was typed, and whether the whole sequence was. */
  scan(typed: Buffer): { pass: Buffer; isComplete: boolean } {
    if (this.#keys.byteLength === 0) return { pass: typed, isComplete: false }
    const held = Buffer.from(this.#keys.subarray(0, this.#matched))
    const bytes = held.byteLength === 0 ? typed : Buffer.concat([held, typed])
    for (let start = 0; start < bytes.byteLength; start++) {
      const matched = this.#matchAt(bytes, start)
      if (matched === this.#keys.byteLength) return { pass: bytes.subarray(0, start), isComplete: true }
      if (start + matched < bytes.byteLength) continue
      this.#matched = matched
      return { pass: bytes.subarray(0, start), isComplete: false }
    }
    this.#matched = 0
    return { pass: bytes, isComplete: false }
  }

  #matchAt(bytes: Buffer, start: number): number {
    let length = 0
    while (length < this.#keys.byteLength && bytes[start + length] === this.#keys[length]) length++
    return length
  }
}
