import type { Argument, Command, Option } from 'commander';

/** What could stand at the end of a command line. */
export type Completion =
  | { kind: 'words'; words: string[] }
  /** A path of a file or folder, which the shell knows better. */
  | { kind: 'files' }
  | { kind: 'missions' }
  | { kind: 'tasks'; mission: string };

const none: Completion = { kind: 'words', words: [] };

/** `words` are those after the program's name; the last one is being written, and may be empty. */
export function complete(program: Command, words: readonly string[]): Completion {
  const written = words.at(-1) ?? '';
  let command = program;
  let option: Option | undefined;
  const operands: string[] = [];
  for (const word of words.slice(0, -1)) {
    if (word.startsWith('-')) option = withValue(command, word);
    else if (option) option = option.variadic ? option : undefined;
    else {
      const inner = command.commands.find((each) => each.name() === word);
      if (inner) command = inner;
      else operands.push(word);
    }
  }
  if (written.startsWith('-')) return wordsOf(optionsOf(command), written);
  if (option) return narrowed(valuesOf(option), written);
  const inner = visible(command);
  if (inner.length > 0) return wordsOf(inner, written);
  const argument = command.registeredArguments[operands.length];
  return argument ? narrowed(operandsOf(argument, operands), written) : none;
}

function wordsOf(words: readonly string[], written: string): Completion {
  return { kind: 'words', words: words.filter((word) => word.startsWith(written)) };
}

function narrowed(completion: Completion, written: string): Completion {
  return completion.kind === 'words' ? wordsOf(completion.words, written) : completion;
}

function visible(command: Command): string[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((inner) => inner.name());
}

function optionsOf(command: Command): string[] {
  const options = command.createHelp().visibleOptions(command);
  return options.flatMap(({ long }) => (long === undefined ? [] : [long]));
}

/** The option, if the next word is its value. */
function withValue(command: Command, word: string): Option | undefined {
  const option = command.options.find(({ long, short }) => word === long || word === short);
  return option && (option.required || option.optional) ? option : undefined;
}

function valuesOf(option: Option): Completion {
  if (option.argChoices) return { kind: 'words', words: option.argChoices };
  return option.flags.endsWith('<dir>') ? { kind: 'files' } : none;
}

function operandsOf(argument: Argument, operands: readonly string[]): Completion {
  if (argument.argChoices) return { kind: 'words', words: argument.argChoices };
  const [mission] = operands;
  switch (argument.name()) {
    case 'file':
      return { kind: 'files' };
    case 'id':
      return { kind: 'missions' };
    case 'task':
      return mission === undefined ? none : { kind: 'tasks', mission };
    default:
      return none;
  }
}

export const shells = ['bash', 'zsh', 'fish'] as const;

/** What stands in the first line when the shell is to complete a path. */
export const filesMark = ':files';

/** Each asks `mission complete` at every key, so that nothing goes stale. */
export const completionScripts: Record<(typeof shells)[number], string> = {
  // In bash `:` and `=` break words: what stands before the last of them is on the line already.
  bash: `_mission_complete() {
  local line=\${COMP_LINE:0:COMP_POINT} words found current stem
  read -ra words <<< "$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  current=\${words[-1]}
  mapfile -t found < <("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null)
  if [[ \${found[0]-} == '${filesMark}' ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
    return
  fi
  stem=\${current%"\${current##*[:=]}"}
  COMPREPLY=("\${found[@]#"$stem"}")
}
complete -F _mission_complete mission`,
  zsh: `#compdef mission
_mission() {
  local -a found
  found=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${found[1]}" == '${filesMark}' ]]; then _files
  elif [[ -n "\${found[1]}" ]]; then compadd -- "\${found[@]}"
  fi
}
compdef _mission mission`,
  fish: `function __mission_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] complete -- $words[2..-1] 2>/dev/null)
  if test "$found[1]" = '${filesMark}'
    __fish_complete_path (commandline -ct)
  else if set -q found[1]
    printf '%s\\n' $found
  end
end
complete -c mission -f -a '(__mission_complete)'`,
};
