// The hint of an error, for whoever prints it: the command line and the service may not ask the host themselves.
export { hintFor } from '#host/hints.ts'
