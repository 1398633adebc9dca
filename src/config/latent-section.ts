import * as z from 'zod';
import { positiveInteger, positiveNumber, withFlag } from './flag-meta.ts';

const path = z.string().min(1).optional();

/** Models that mutators of latent vectors need, and models that judge findings. */
export const latentSection = {
  encoder: withFlag(path, {
    flags: '--encoder <model>',
    help: 'model that turns an input into a latent vector, for the mutators latent and latent-interpolate',
    defaultText: 'none',
  }),
  decoder: withFlag(path, {
    flags: '--decoder <model>',
    help: 'model that turns a latent vector into an input, trained together with --encoder',
    defaultText: 'none',
  }),
  decoded: withFlag(path, {
    flags: '--decoded <output>',
    help: 'output of --decoder that is the input',
    defaultText: "the one with the input's shape",
  }),
  latentInput: withFlag(path, {
    flags: '--latent-input <name>',
    help: 'input of --decoder that takes the latent vector',
    defaultText: 'by its type, size and name',
  }),
  generator: withFlag(path, {
    flags: '--generator <model>',
    help: 'model that turns a latent vector into an input: its samples are the seeds, and the mutators latent and latent-interpolate move their vectors',
    defaultText: 'none',
  }),
  latent: withFlag(z.enum(['normal']).optional(), {
    flags: '--latent <distribution>',
    help: 'what the latent vectors of --generator are drawn from; without --generator the model is a generator, whose seeds are such vectors, and blank outputs count as failures',
    defaultText: 'normal with --generator, else none',
  }),
  classes: withFlag(positiveInteger.optional(), {
    flags: '--classes <n>',
    help: 'number of classes that --generator takes',
    defaultText: 'by the size of its class input',
  }),
  truncation: withFlag(positiveNumber.optional(), {
    flags: '--truncation <t>',
    help: 'deviations beyond which values of a latent vector are drawn again',
    defaultText: 'none',
  }),
  judge: withFlag(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(), {
    flags: '--judge <model...>',
    help: "independent classifiers of the same inputs: a wrong class counts only where all of them give the seed's class with --sure",
    defaultText: 'none',
  }),
  sure: withFlag(
    z.number('must be a number').positive('must be above 0').max(1, 'must be at most 1').default(0.8),
    {
      flags: '--sure <share>',
      help: "softmax share of the seed's class from which on a judge is sure",
    },
  ),
};

const latentSchema = z.object(latentSection);

/** Settings of latent spaces and of judges. */
export type LatentConfig = z.output<typeof latentSchema>;
