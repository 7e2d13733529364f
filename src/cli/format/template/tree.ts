// The tree of a parsed template: what the parser makes and the executor walks. Data only.

/** Where a node stands in the template, and its text for messages (`<.Host.Foo>`). */
interface Place {
  at: number
  source: string
}

export type Operand = Place &
  (
    | { kind: 'dot' | 'nil' }
    | { kind: 'literal'; value: string | number | boolean }
    | { kind: 'field'; path: string[] }
    | { kind: 'variable'; name: string; path: string[] }
    /** `(pipeline).Field` */
    | { kind: 'chain'; base: Operand; path: string[] }
    | { kind: 'function'; name: string }
    | { kind: 'pipeline'; pipeline: Pipeline }
  )

export interface CommandNode {
  /** the first is the function, method or value; the others its arguments */
  words: Operand[]
  at: number
  source: string
}

export interface Pipeline {
  commands: CommandNode[]
  /** `$i, $v :=` or `$v =` */
  variables: string[]
  isAssignment: boolean
  at: number
  source: string
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'action'; pipeline: Pipeline }
  | { kind: 'if' | 'with' | 'range'; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: 'template'; name: string; pipeline: Pipeline | undefined; at: number }
  | { kind: 'break' | 'continue' }

export interface Template {
  text: string
  body: Node[]
  /** `{{define "name"}}` and `{{block "name" …}}` */
  named: Map<string, Node[]>
}
