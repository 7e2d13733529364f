// A Containerfile as stages of instructions. Pure.
import { type Instruction, parseInstruction } from './instruction.ts'
import { type Directives, readLines, type WholeLine } from './lines.ts'
import { type SourceFile, sourceError } from './source.ts'

type ArgInstruction = Extract<Instruction, { kind: 'arg' }>
type FromInstruction = Extract<Instruction, { kind: 'from' }>

export interface Stage {
  index: number
  from: FromInstruction
  name?: string
  instructions: Instruction[]
}

export interface Containerfile {
  file: SourceFile
  directives: Directives
  /** ARG before the first FROM */
  globalArgs: ArgInstruction[]
  stages: Stage[]
  emptyContinuations: number[]
}

/** Parses all of it. `name` is what errors call it. Throws INVALID or UNSUPPORTED with file, line and column. */
export function parseContainerfile(name: string, text: string): Containerfile {
  const { file, directives, lines, emptyContinuations } = readLines(name, text)
  checkSyntax(file, directives)
  const globalArgs: ArgInstruction[] = []
  const stages: Stage[] = []
  for (const line of lines) {
    const instruction = parseInstruction(line, directives.escape)
    const stage = stages.at(-1)
    if (instruction.kind === 'from') stages.push(newStage(stages, instruction))
    else if (stage !== undefined) stage.instructions.push(instruction)
    else if (instruction.kind === 'arg') globalArgs.push(instruction)
    else
      throw line.error(`${instruction.kind.toUpperCase()} stands before the first FROM`, undefined, {
        hint: 'only ARG may',
      })
  }
  if (stages.length === 0)
    throw sourceError(file, { line: 1, column: 1 }, 'the file has no FROM', { hint: 'it begins with one: FROM alpine' })
  return { file, directives, globalArgs, stages, emptyContinuations }
}

/** Instructions that an image's ONBUILD left, as if they stood in the file after its FROM. */
export function parseTriggers(from: WholeLine, triggers: readonly string[], image: string): Instruction[] {
  return triggers.map(trigger => {
    const { lines, directives } = readLines(`${from.file.name} (ONBUILD of ${image})`, trigger)
    const [line] = lines
    if (line === undefined) throw from.error(`the image ${image} has an empty ONBUILD`)
    return parseInstruction(line, directives.escape)
  })
}

function newStage(stages: readonly Stage[], from: FromInstruction): Stage {
  const { name } = from
  return { index: stages.length, from, ...(name !== undefined && { name }), instructions: [] }
}

/** `docker/dockerfile` of any version means this very language; another frontend would be a program of its own. */
function checkSyntax(file: SourceFile, { syntax }: Directives): void {
  if (syntax === undefined || syntax === '') return
  if (/^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@sha256:[0-9a-f]{64})?$/.test(syntax)) return
  const line = file.lines.findIndex(row => /^#\s*syntax\s*=/i.test(row)) + 1
  throw sourceError(file, { line, column: 1 }, `the frontend "${syntax}" is not supported, must be docker/dockerfile`, {
    code: 'UNSUPPORTED',
    hint: 'tspod reads Containerfiles itself and runs no other frontend',
  })
}
