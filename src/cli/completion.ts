import type { FlagName, OptionName } from './arguments.ts'

/** What a word of a command can be: a stream's path, asked for live, or one of a few words. */
type Argument = 'path' | 'any' | readonly string[]

interface CommandShape {
  readonly takes: readonly Argument[]
  readonly options?: readonly (OptionName | FlagName)[]
}

const EVERYWHERE: readonly (OptionName | FlagName)[] = ['url', 'token', 'project', 'help']
const ROLES = ['viewer', 'editor', 'operator', 'admin']
export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** Options whose value is one of a few words. */
const VALUES: Partial<Record<OptionName, readonly string[]>> = { role: ROLES, format: ['ndjson', 'csv'] }
/** Options whose value is a file. */
const FILES: readonly OptionName[] = ['output', 'input']
const FLAGS: ReadonlySet<string> = new Set<FlagName>(['help', 'no-git', 'continue', 'recursive', 'long'])

/** The commands, as completion knows them; a test holds them to the usage. */
export const SHAPES: Readonly<Record<string, CommandShape>> = {
  append: { takes: ['path'], options: ['resume'] },
  read: { takes: ['path'], options: ['after', 'limit', 'format'] },
  tail: { takes: ['path'], options: ['after'] },
  ls: { takes: ['path'], options: ['recursive', 'match', 'limit', 'long'] },
  scan: { takes: ['path', 'any'], options: ['after'] },
  export: { takes: ['path'], options: ['output'] },
  import: { takes: ['path'], options: ['input', 'continue'] },
  state: { takes: ['path', 'any'], options: ['offset'] },
  processors: { takes: ['path'] },
  attach: { takes: ['path', 'any'] },
  detach: { takes: ['path', 'any'] },
  restart: { takes: ['path', 'any'], options: ['from'] },
  demo: { takes: [], options: ['pace', 'agent', 'no-git'] },
  token: { takes: [['create', 'list', 'revoke'], 'any'], options: ['role', 'name'] },
  project: { takes: [['create', 'list'], 'any'], options: ['owner', 'name', 'match'] },
  user: { takes: [['create'], 'any'], options: ['role', 'name'] },
  completion: { takes: [SHELLS] },
  help: { takes: [] },
}

/** The script that completes `tributary` in a shell. Paths are asked for with `tributary ls` while they are typed. */
export function completionScript(shell: Shell): string {
  switch (shell) {
    case 'bash':
      return bashScript()
    case 'zsh':
      return zshScript()
    case 'fish':
      return fishScript()
  }
}

const optionsOf = ({ options = [] }: CommandShape) => [...options, ...EVERYWHERE]
const dashed = (options: readonly string[]) => options.map((option) => `--${option}`).join(' ')
/** Options whose value is the word after them. */
const VALUED = [...new Set(Object.values(SHAPES).flatMap(optionsOf))].filter((option) => !FLAGS.has(option))
const withPath = Object.keys(SHAPES).filter((name) => SHAPES[name]?.takes[0] === 'path')

/** One line per command: its options and what its words are. A path is written `path`, words are written after `=`. */
function cases(assign: (options: string, takes: string) => string, shape: (argument: Argument) => string): string {
  return Object.entries(SHAPES)
    .map(([name, each]) => `    ${name}) ${assign(dashed(optionsOf(each)), each.takes.map(shape).join(' '))} ;;`)
    .join('\n')
}

const quotedArgument = (argument: Argument) => (typeof argument === 'string' ? argument : `'=${argument.join(' ')}'`)

const valueCases = (reply: (words: string) => string) =>
  Object.entries(VALUES)
    .map(([option, words]) => `    --${option}) ${reply(words.join(' '))}; return ;;`)
    .join('\n')

function bashScript(): string {
  return `# Completion of tributary for bash. In ~/.bashrc: source <(tributary completion bash)
_tributary_paths() {
  [[ -n $TRIBUTARY_TOKEN && -n $TRIBUTARY_PROJECT ]] || return 0
  local folder=\${2%/*} name=\${2##*/}
  "$1" ls "\${folder:-/}" --limit 500 \${name:+--match "$name"} 2>/dev/null
}

_tributary() {
  local line=\${COMP_LINE:0:COMP_POINT}
  # Bash parts words at colons and equals signs as well; a path may have both.
  local word=\${line##*[[:blank:]]} previous='' command='' options='' takes=() place=0 each rest
  local plain=\${word//\\\\/}
  COMPREPLY=()
  rest=\${line%"$word"}
  local words=()
  read -r -a words <<<"$rest"
  for each in "\${words[@]:1}"; do
    if [[ $previous =~ ^(${VALUED.map((option) => `--${option}`).join('|')})$ ]]; then previous=''
    elif [[ $each == -* ]]; then previous=$each
    else
      previous=''
      if [[ -z $command ]]; then command=$each; else place=$((place + 1)); fi
    fi
  done
  case $previous in
${valueCases((words) => `COMPREPLY=($(compgen -W '${words}' -- "$word"))`)}
    ${FILES.map((option) => `--${option}`).join('|')}) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${VALUED.map((option) => `--${option}`).join('|')}) return ;;
  esac
  if [[ -z $command ]]; then
    COMPREPLY=($(compgen -W '${Object.keys(SHAPES).join(' ')}' -- "$word"))
    return
  fi
  case $command in
${cases((options, takes) => `options='${options}' takes=(${takes})`, quotedArgument)}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
    return
  fi
  case \${takes[place]} in
    path)
      compopt -o nospace 2>/dev/null
      # What the shell has put after the last of its breaks is all that it replaces.
      local cut=\${word%"\${word##*[:=]}"}
      while IFS= read -r each; do
        [[ $each == "$plain"* ]] || continue
        printf -v each %q "$each"
        COMPREPLY+=("\${each#"$cut"}")
      done < <(_tributary_paths "$1" "\${plain:-/}")
      ;;
    =*) COMPREPLY=($(compgen -W "\${takes[place]#=}" -- "$word")) ;;
  esac
}
complete -F _tributary tributary
`
}

function zshScript(): string {
  return `#compdef tributary
# Completion of tributary for zsh. In ~/.zshrc, after compinit: source <(tributary completion zsh)
_tributary_paths() {
  [[ -n $TRIBUTARY_TOKEN && -n $TRIBUTARY_PROJECT ]] || return 1
  local folder=\${PREFIX%/*} name=\${PREFIX##*/}
  local -a paths
  paths=(\${(f)"$($words[1] ls "\${folder:-/}" --limit 500 \${name:+--match} \${name:+"$name"} 2>/dev/null)"})
  compadd -S '' -- $paths
}

_tributary() {
  local command='' options='' previous='' each
  local -a takes
  local -i place=1
  for each in $words[2,CURRENT-1]; do
    if [[ $previous =~ '^(${VALUED.map((option) => `--${option}`).join('|')})$' ]]; then previous=''
    elif [[ $each == -* ]]; then previous=$each
    else
      previous=''
      if [[ -z $command ]]; then command=$each; else place+=1; fi
    fi
  done
  case $previous in
${valueCases((words) => `compadd -- ${words}`)}
    ${FILES.map((option) => `--${option}`).join('|')}) _files; return ;;
    ${VALUED.map((option) => `--${option}`).join('|')}) return ;;
  esac
  if [[ -z $command ]]; then
    compadd -- ${Object.keys(SHAPES).join(' ')}
    return
  fi
  case $command in
${cases((options, takes) => `options='${options}' takes=(${takes})`, quotedArgument)}
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- \${=options}
    return
  fi
  case $takes[place] in
    path) _tributary_paths ;;
    '='*) compadd -- \${=takes[place]#\\=} ;;
  esac
}
compdef _tributary tributary
`
}

function fishScript(): string {
  const commands = Object.entries(SHAPES).map(([name, shape]) => {
    const seen = `-n '__fish_seen_subcommand_from ${name}'`
    const options = (shape.options ?? []).map((option) => `complete -c tributary ${seen} ${fishOption(option)}`)
    const [first] = shape.takes
    const words = typeof first === 'object' ? [`complete -c tributary ${seen} -a '${first.join(' ')}'`] : []
    return [`complete -c tributary -n __fish_use_subcommand -a ${name}`, ...words, ...options].join('\n')
  })
  return `# Completion of tributary for fish. In ~/.config/fish/config.fish: tributary completion fish | source
function __tributary_paths
  test -n "$TRIBUTARY_TOKEN"; and test -n "$TRIBUTARY_PROJECT"; or return
  set -l typed (commandline -ct)
  set -l folder (string replace -r '/[^/]*$' '' -- $typed)
  test -n "$folder"; or set folder /
  tributary ls $folder --limit 500 2>/dev/null
end

complete -c tributary -f
${EVERYWHERE.map((option) => `complete -c tributary ${fishOption(option)}`).join('\n')}
${commands.join('\n')}
complete -c tributary -n '__fish_seen_subcommand_from ${withPath.join(' ')}' -a '(__tributary_paths)'
`
}

function fishOption(option: OptionName | FlagName): string {
  if (FLAGS.has(option)) return `-l ${option}`
  const words = VALUES[option as OptionName]
  if (words) return `-l ${option} -x -a '${words.join(' ')}'`
  return FILES.includes(option as OptionName) ? `-l ${option} -r -F` : `-l ${option} -x`
}
