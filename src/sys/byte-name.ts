// File names as the kernel has them: bytes. A byte name is a string with one character for each byte (latin1), so that a name which
// is not UTF-8 comes out as it went in; pure ASCII looks the same either way.

/** A path or a name, one character per byte. */
export type ByteName = string

const isAscii = (text: string): boolean => !/[\u0080-\uffff]/.test(text)

/** The byte name of ordinary text (UTF-8). */
export function byteName(text: string): ByteName {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** The text to show people; bytes that are not UTF-8 become U+FFFD. */
export function nameText(name: ByteName): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString('utf8')
}

/** The name as an argument of a system call. */
export function nameArgument(name: ByteName): string | Buffer {
  return isAscii(name) ? name : Buffer.from(`${name}\0`, 'latin1')
}
