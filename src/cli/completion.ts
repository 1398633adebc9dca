import { ShellCompDirective } from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { PRESET_NAMES } from '../config/presets.ts';
import { CRITERIA } from '../coverage/registry.ts';
import { QUANTIZERS } from '../model/quantize/registry.ts';
import { MUTATORS } from '../mutators/registry.ts';
import { OBJECTIVES } from '../objectives/registry.ts';
import { SCHEDULERS } from '../schedulers/registry.ts';
import { printLines } from './output/terminal.ts';

/** Values that a flag may have, by the flag's name without dashes. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  objective: () => OBJECTIVES.names(),
  mutator: () => MUTATORS.names(),
  measure: () => CRITERIA.names(),
  preset: () => PRESET_NAMES,
  scheduler: () => SCHEDULERS.names(),
  quantize: () => QUANTIZERS.names(),
  to: () => QUANTIZERS.names(),
};

/** Stands for the function of the package bash-completion that the library's script calls, where bash does not have it. */
const BASH_FALLBACK = `if ! declare -F _get_comp_words_by_ref >/dev/null; then
    _get_comp_words_by_ref() {
        cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]}
        words=("\${COMP_WORDS[@]}") cword=$COMP_CWORD
    }
fi
`;

/**
 * Adds shell completion of commands, their flags, and the names of extensions that flags take.
 *
 * @param program with all commands
 */
export function addCompletion(program: Command): void {
  const root = tab(program, { completionCommandName: 'completion' });
  program.commands
    .find((command) => command.name() === 'completion')
    ?.hook('preAction', (_, { args: [shell] }) => {
      if (shell === 'bash') printLines(BASH_FALLBACK.split('\n'));
    });
  const { ShellCompDirectiveDefault, ShellCompDirectiveNoFileComp } = ShellCompDirective;
  // The library never lets the shell complete files, which most arguments are.
  Object.defineProperty(root, 'directive', {
    get: () => (root.completions.length > 0 ? ShellCompDirectiveNoFileComp : ShellCompDirectiveDefault),
    set: () => {},
  });
  for (const command of program.commands) {
    const completed = root.commands.get(command.name());
    if (completed === undefined) continue;
    for (const { long, description, required, optional, argChoices = [] } of command.options) {
      const name = long?.replace(/^--/, '');
      if (name === undefined) continue;
      const values = VALUES[name] ?? (() => argChoices);
      if (!required && !optional) completed.option(name, description);
      else
        completed.option(name, description, (complete) => {
          for (const value of values()) complete(value, '');
        });
    }
  }
}
