import * as z from 'zod';
import { positiveInteger, positiveNumber, withFlag } from './flag-meta.ts';
import { paths, specLists } from './values.ts';

const fraction = z.number('must be a number').positive('must be above 0').max(1, 'must be at most 1');

/** DeepHunter's rule. */
const deephunterSettings = z.strictObject({
  alpha: fraction.default(0.02).meta({ help: 'fewer values than this share may change at will' }),
  beta: fraction.default(0.2).meta({ help: 'else all of them by this share of the range' }),
});

/** Mutators, and constraints on what they may do. */
export const mutationSection = {
  mutator: withFlag(specLists.optional(), {
    flags: '-m, --mutator <spec...>',
    help: 'which mutators, as gaussian:sigma=0.05, a group as images, all, or ./module.js; name=none leaves an input as it is',
    defaultText: "by the input's kind; neurofuzz mutators lists them",
  }),
  linf: withFlag(positiveNumber.optional(), {
    flags: '--linf <x>',
    help: 'largest change of any value from the ancestor seed',
    defaultText: 'none',
  }),
  l2: withFlag(positiveNumber.optional(), {
    flags: '--l2 <x>',
    help: 'largest Euclidean distance from the ancestor seed',
    defaultText: 'none',
  }),
  l0: withFlag(positiveInteger.optional(), {
    flags: '--l0 <n>',
    help: 'most values that differ from the ancestor seed',
    defaultText: 'none',
  }),
  edits: withFlag(positiveInteger.optional(), {
    flags: '--edits <n>',
    help: 'most insertions, deletions and substitutions of tokens, or of characters in strings, from the ancestor seed',
    defaultText: 'none',
  }),
  deephunter: withFlag(deephunterSettings.optional(), {
    flags: '--deephunter [alpha,beta]',
    help: "DeepHunter's rule: fewer than alpha of the values change at will, or all by beta of the range; one geometric change before that",
    defaultText: 'off; 0.02,0.2 where no numbers are given',
    example: '0.02,0.2',
  }),
  fixed: withFlag(paths.optional(), {
    flags: '--fixed <file...>',
    help: 'a mask: values where it is not 0 stay as the seed has them; name=file for one of several inputs',
    defaultText: 'none',
  }),
  dictionary: withFlag(paths.optional(), {
    flags: '--dictionary <file...>',
    help: "words to put into tokens and strings: a line each, or AFL's format; name=file for one of several inputs",
    defaultText: 'none',
  }),
};

const mutationSchema = z.object(mutationSection);

/** Settings to mutate inputs. */
export type MutationConfig = z.output<typeof mutationSchema>;
