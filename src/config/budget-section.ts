import * as z from 'zod';
import { positiveInteger, withFlag } from './flag-meta.ts';
import { PRESET_NAMES, PRESETS_HELP } from './presets.ts';
import { duration, size } from './values.ts';

/** When a campaign stops, what it keeps, and how its tasks are handed out. */
export const budgetSection = {
  preset: withFlag(z.enum(PRESET_NAMES).optional(), {
    flags: '--preset <name>',
    help: `settings for a purpose, which flags and the campaign file override: ${PRESETS_HELP}`,
    defaultText: 'none',
  }),
  time: withFlag(duration.optional(), {
    flags: '-t, --time <duration>',
    help: "time limit, counted from the command's start: 90s, 10m, 8h",
    defaultText: 'until Ctrl-C',
  }),
  execs: withFlag(positiveInteger.optional(), {
    flags: '-n, --execs <n>',
    help: 'number of mutants to run',
    defaultText: 'none',
  }),
  untilFinding: withFlag(z.boolean().default(false), {
    flags: '--until-finding',
    help: 'stop at the first finding',
  }),
  keep: withFlag(positiveInteger.default(5), {
    flags: '--keep <n>',
    help: 'findings kept on disk per signature; all are counted',
  }),
  maxCorpus: withFlag(positiveInteger.optional(), {
    flags: '--max-corpus <n>',
    help: 'maximum number of testcases in the corpus; the search continues when it is reached, without keeping more',
    defaultText:
      'the number that takes 200 MB in addition to caches, at most 500,000: 299,000 if 64 numbers are compared',
  }),
  maxDisk: withFlag(size.optional(), {
    flags: '--max-disk <size>',
    help: "stop when the campaign's folder reaches this size, such as 2GB",
    defaultText: 'a tenth of the free disk space at the start',
  }),
  minExecs: withFlag(positiveInteger.optional(), {
    flags: '--min-execs <n>',
    help: 'exit with 3 if fewer mutants ran, so that a job that did nothing does not pass',
    defaultText: 'none',
  }),
  epoch: withFlag(positiveInteger.max(65_536, 'must be 65536 or less').optional(), {
    flags: '--epoch <tasks>',
    help: 'tasks per epoch: a task sees the corpus as of two epochs ago, so that remote machines need not wait for one another. The same value gives the same result with and without --queue',
    defaultText: 'none; 256 with --queue',
  }),
};

const budgetSchema = z.object(budgetSection);

/** Limits of a campaign. */
export type BudgetConfig = z.output<typeof budgetSchema>;
