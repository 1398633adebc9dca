import { type Command, Help, type Option } from 'commander';

/** Flags of `fuzz` by topic, in the order of `--help-all`. */
const FLAG_GROUPS: Readonly<Record<string, readonly string[]>> = {
  'Model and inputs': [
    '--config',
    '--runtime',
    '--signature',
    '--tags',
    '--half',
    '--seeds',
    '--labels',
    '--corpus',
    '--range',
    '--shape',
    '--table',
    '--generate',
  ],
  'What counts as a failure': [
    '--objective',
    '--against',
    '--against-runtime',
    '--quantize',
    '--match',
    '--judge',
    '--sure',
    '--timeout',
  ],
  'How mutants are made': [
    '--mutator',
    '--linf',
    '--l2',
    '--l0',
    '--edits',
    '--valid',
    '--deephunter',
    '--fixed',
    '--dictionary',
    '--encoder',
    '--decoder',
    '--decoded',
    '--latent-input',
    '--generator',
    '--latent',
    '--classes',
    '--truncation',
  ],
  Limits: [
    '--preset',
    '--time',
    '--execs',
    '--until-finding',
    '--keep',
    '--max-corpus',
    '--max-disk',
    '--min-execs',
    '--exit-zero',
  ],
  Search: [
    '--seed',
    '--coverage',
    '--measure',
    '--coverage-reference',
    '--threshold',
    '--guidance',
    '--gradients',
    '--scheduler',
    '--per-seed',
  ],
  Resources: ['--jobs', '--memory', '--batch'],
  Output: ['--out', '--resume', '--overwrite', '--trust', '--json', '--quiet', '--log-level', '--log-format'],
  'Several machines': ['--queue', '--prefix', '--mixed', '--metrics', '--epoch'],
};

/** Flags that `--help` shows: those that most campaigns need. */
const COMMON_FLAGS: readonly string[] = [
  '--config',
  '--seeds',
  '--range',
  '--objective',
  '--quantize',
  '--linf',
  '--time',
  '--execs',
  '--until-finding',
  '--jobs',
  '--out',
  '--resume',
];

/** Where a flag stands that no group names. */
const OTHER = 'Other options';

/**
 * Has `--help` show the common flags alone, and adds `--help-all`, which shows all of them by topic. Call it once the command has all
 * its flags.
 */
export function groupFlags(command: Command): Command {
  let showsAll = false;
  command.option('--help-all', 'show all options by topic');
  command.on('option:help-all', () => {
    showsAll = true;
    command.help();
  });
  command.configureHelp({
    // Only while help is printed: suggestions for a flag that is misspelt know all of them.
    formatHelp: (shown, helper) =>
      Help.prototype.formatHelp.call(helper, shown, Object.assign(helper, groupedBy(showsAll))),
  });
  return command;
}

/** How a help lists flags: all by topic, or the common ones. */
function groupedBy(showsAll: boolean): Pick<Help, 'visibleOptions' | 'groupItems'> {
  return {
    visibleOptions({ options }) {
      const shown = showsAll
        ? [...options].sort((a, b) => positionOf(a) - positionOf(b))
        : [...COMMON_FLAGS, '--help-all'].flatMap((flag) => options.filter(({ long }) => long === flag));
      for (const option of shown) option.helpGroup(`${showsAll ? groupOf(option) : 'Common options'}:`);
      return shown;
    },
    // Commander's own has the groups in the order in which options were added.
    groupItems(_unsorted, visible, getGroup) {
      const groups = new Map<string, typeof visible>();
      for (const item of visible) groups.set(getGroup(item), [...(groups.get(getGroup(item)) ?? []), item]);
      return groups;
    },
  };
}

/** The topic under which `--help-all` shows a flag. */
function groupOf({ long }: Option): string {
  const group = Object.entries(FLAG_GROUPS).find(([, flags]) => flags.includes(long ?? ''));
  return group?.[0] ?? OTHER;
}

/** Place of a flag in `--help-all`. */
function positionOf({ long }: Option): number {
  const at = Object.values(FLAG_GROUPS)
    .flat()
    .indexOf(long ?? '');
  return at < 0 ? Number.MAX_SAFE_INTEGER : at;
}
