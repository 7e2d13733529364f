// `tspod completion bash|zsh|fish`: scripts that ask `tspod __complete` for every word.
import { defineCommand, usageError } from '#cli/command.ts'
import { openOutput } from '#cli/file-output.ts'
import { text } from '#cli/option.ts'
import { print } from '#cli/output.ts'

// __complete answers one candidate a line, `word<TAB>description`, then a line `:files`, `:folders`, `:commands` or
// `:none` that says what else the shell itself may offer
const bash = `# bash completion for tspod; load it with: source <(tspod completion bash)
_tspod() {
  local line=\${COMP_LINE:0:COMP_POINT} words answer rest current candidate
  COMPREPLY=()
  # bash itself splits words at = and :, which options and image names contain
  read -ra words <<<"$line"
  [[ $line == *' ' ]] && words+=('')
  current=\${words[-1]}
  answer=$("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null) || return
  rest=\${answer##*$'\n'}
  while IFS= read -r candidate; do
    [[ $candidate == :* ]] || COMPREPLY+=("\${candidate%%$'\t'*}")
  done <<<"$answer"
  local value=\${current#--*=}
  case $rest in
    :files) compopt -o filenames 2>/dev/null; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$value") ;;
    :folders) compopt -o filenames 2>/dev/null; mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -d -- "$value") ;;
    :commands) mapfile -t -O \${#COMPREPLY[@]} COMPREPLY < <(compgen -c -- "$value") ;;
  esac
  local kept=\${current%"\${COMP_WORDS[COMP_CWORD]#[=:]}"}
  [[ -n $kept ]] && COMPREPLY=("\${COMPREPLY[@]#"$kept"}")
  return 0
}
complete -F _tspod tspod
`

const zsh = `#compdef tspod
# zsh completion for tspod; save it as _tspod in a folder of $fpath
_tspod() {
  local -a lines candidates
  local line word rest
  lines=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  rest=\${lines[-1]}
  for line in "\${lines[@]}"; do
    [[ -z $line || $line == :* ]] && continue
    word=\${line%%$'\\t'*}
    word=\${word//:/\\\\:}
    [[ $line == *$'\\t'* ]] && word+=":\${line#*$'\\t'}"
    candidates+=("$word")
  done
  (( \${#candidates} )) && _describe -V tspod candidates
  case $rest in
    :files) _files ;;
    :folders) _files -/ ;;
    :commands) _command_names -e ;;
  esac
}
if [ "$funcstack[1]" = _tspod ]; then _tspod "$@"; else compdef _tspod tspod; fi
`

const fish = `# fish completion for tspod; save it as ~/.config/fish/completions/tspod.fish
function __tspod_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)
  set -l current (commandline -ct)
  for line in $lines
    switch $line
      case :files
        __fish_complete_path $current
      case :folders
        __fish_complete_directories $current
      case :commands
        __fish_complete_command
      case ':*'
      case '*'
        echo $line
    end
  end
end
complete -c tspod -f -a '(__tspod_complete)'
`

const scripts = { bash, zsh, fish }

export const completionCommand = defineCommand({
  usage: '[options] {bash|zsh|fish}',
  examples: ['completion bash > ~/.local/share/bash-completion/completions/tspod'],
  options: { file: text('file', 'Write to this file', { short: 'f', completes: 'files' }) },
  operands: '<shell>',
  completes: ['none'],
  async run(values, [shell = '']) {
    if (!Object.hasOwn(scripts, shell)) throw usageError(`unknown shell "${shell}", must be bash, zsh or fish`)
    const script = scripts[shell as keyof typeof scripts]
    if (values.file === undefined) return print(script)
    using output = openOutput(values.file, 'completion')
    await output.write(Buffer.from(script))
    return output.finish()
  },
})
