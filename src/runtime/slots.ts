// Descriptor numbers that servants give to what they open, so that later steps can name it. High enough to be free.

/** The container's root, as a path descriptor. */
export const ROOT = 200
/** The place a mount goes to; used anew by each step. */
export const TARGET = 201
/** The container's terminal: its master, and the end that the process gets. */
export const TERMINAL_MASTER = 202
export const TERMINAL = 203
/** The two sides of a tmpfs that is being filled: the folder beneath, and the tmpfs. */
export const COPY_SOURCE = 205
export const COPY_TARGET = 206
/** What is bound, opened before the container's own namespaces exist: one slot a mount from here on. */
export const FIRST_TREE = 220
