import * as z from 'zod';
import { positiveInteger, positiveNumber, withFlag } from './flag-meta.ts';
import { paths, specLists } from './values.ts';

const fraction = z.number('must be a number').positive('must be above 0').max(1, 'must be at most 1');

/** DeepHunter's rule. */
const deephunterSettings = z.strictObject({
  alpha: fraction.default(0.02).meta({ help: 'fraction of the values that may change by any amount' }),
  beta: fraction.default(0.2).meta({ help: 'fraction of the range by which all values may change instead' }),
});

/** Mutators, and constraints on what they may do. */
export const mutationSection = {
  mutator: withFlag(specLists.optional(), {
    flags: '-m, --mutator <spec...>',
    help: 'mutators to use: a name such as gaussian:sigma=0.05, a group such as images, all, or ./module.js; name=none leaves an input unchanged',
    defaultText: "by the input's kind; neurofuzz mutators lists them",
  }),
  linf: withFlag(positiveNumber.optional(), {
    flags: '--linf <x>',
    help: 'maximum change of any value from its seed',
    defaultText: 'none',
  }),
  l2: withFlag(positiveNumber.optional(), {
    flags: '--l2 <x>',
    help: 'maximum Euclidean distance from the seed',
    defaultText: 'none',
  }),
  l0: withFlag(positiveInteger.optional(), {
    flags: '--l0 <n>',
    help: 'maximum number of values that differ from the seed',
    defaultText: 'none',
  }),
  edits: withFlag(positiveInteger.optional(), {
    flags: '--edits <n>',
    help: 'maximum number of insertions, deletions and substitutions from the seed, of tokens or of characters in strings',
    defaultText: 'none',
  }),
  valid: withFlag(z.string('must be a condition such as sum(x) > 0').optional(), {
    flags: '--valid <condition>',
    help: 'condition that every mutant meets, over inputs by name and their values in the seed, as seed or seed.name; the expressions of assert. Other mutants are drawn again',
    defaultText: 'none',
    example: 'abs(sum(x) - sum(seed)) < 0.1 * sum(seed)',
  }),
  deephunter: withFlag(deephunterSettings.optional(), {
    flags: '--deephunter [alpha,beta]',
    help: "DeepHunter's limit: change either fewer than a fraction alpha of values by any amount, or every value by at most beta of the range; at most one geometric transform first",
    defaultText: 'off; 0.02,0.2 without numbers',
    example: '0.02,0.2',
  }),
  fixed: withFlag(paths.optional(), {
    flags: '--fixed <file...>',
    help: 'mask of values that stay unchanged: those where the mask is not 0; name=file for one of several inputs',
    defaultText: 'none',
  }),
  dictionary: withFlag(paths.optional(), {
    flags: '--dictionary <file...>',
    help: "words to insert into tokens and strings: one per line, or in AFL's format; name=file for one of several inputs",
    defaultText: 'none',
  }),
};

const mutationSchema = z.object(mutationSection);

/** Settings to mutate inputs. */
export type MutationConfig = z.output<typeof mutationSchema>;
