import * as z from 'zod';
import { suggestName } from '../core/did-you-mean.ts';
import { inputSection } from './input-section.ts';
import { mutationSection } from './mutation-section.ts';

/** A mapping that refuses unknown keys with a suggestion. */
function strictMapping<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `must not have the unknown setting ${issue.keys[0]} (${suggestName(issue.keys[0], Object.keys(shape))})`
        : undefined,
  });
}

const classNumber = z.int('must be numbers of classes, from 0').min(0, 'must be numbers of classes, from 0');
const classes = z.array(classNumber, 'must be a list of classes such as [7]').min(1, 'must name a class');

/** What an attacker wants of the model. */
export const GOAL_KINDS = ['untargeted', 'targeted', 'abstain', 'reliability', 'text'] as const;

export type GoalKind = (typeof GOAL_KINDS)[number];

/** Built-in objectives that can show that a goal is reached. The first is the default, except for abstain, which needs a bound. */
export const GOAL_OBJECTIVES: Readonly<Record<GoalKind, readonly string[]>> = {
  untargeted: [
    'misclassified',
    'confident-error',
    'defence',
    'universal',
    'quantization',
    'differential',
    'metamorphic',
  ],
  targeted: ['misclassified'],
  abstain: ['assert'],
  reliability: ['nonfinite', 'slow', 'consistent', 'assert'],
  text: ['text'],
};

/** Goals that are another class than the seed's. */
const CLASS_GOALS: ReadonlySet<GoalKind> = new Set(['untargeted', 'targeted']);

const goalSettings = strictMapping({
  kind: z.enum(GOAL_KINDS).meta({
    help: "untargeted: another class than the seed's; targeted: one of the classes in to; abstain: an answer below a bound; reliability: NaN, infinity, crash, hang, and no attacker; text: a text that a rule forbids. It decides which objectives are allowed",
  }),
  to: classes.optional().meta({ help: 'for targeted: the classes that the attacker wants' }),
  from: z
    .union([z.literal('any'), classes])
    .default('any')
    .meta({
      help: 'classes of the seeds that are attacked, by --labels; seeds of other classes are left out',
    }),
  confident: z.number('must be a number').min(0, 'must be 0 or more').optional().meta({
    help: 'how sure of the wrong class the model must be, passed to the objective: a softmax share for misclassified, a gap of logits for two models',
    defaultText: "the objective's own",
  }),
})
  .refine(({ kind, to }) => kind !== 'targeted' || to !== undefined, {
    error: 'must have to, the classes that the attacker wants, if kind is targeted, such as to: [7]',
  })
  .refine(({ kind, to }) => kind === 'targeted' || to === undefined, {
    error: 'must have kind: targeted if it has to',
  })
  .refine(({ kind, confident }) => confident === undefined || CLASS_GOALS.has(kind), {
    error: 'must have kind: untargeted or targeted if it has confident',
  });

/** Limits of the attacker, by the names of the settings that set the same for any campaign. */
const limitSettings = strictMapping({
  linf: mutationSection.linf,
  l2: mutationSection.l2,
  l0: mutationSection.l0,
  edits: mutationSection.edits,
  valid: mutationSection.valid,
  fixed: mutationSection.fixed,
  table: inputSection.table,
  range: inputSection.range,
});

export type ThreatLimits = z.output<typeof limitSettings>;

const queryCount = z.int('must be a whole number, 1 or more').min(1, 'must be a whole number, 1 or more');

/** Queries are spent by picks of eight mutants; submissions one by one. */
export const LEAST_QUERIES = 8;

/** A model, a value of its output, and a bound on it. */
const PLAUSIBLE = /^\s*(\S.*?)(?:\[(\d{1,7})\])?\s*(<=|>=|<|>)\s*(-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*$/i;

/** A model that tells plausible inputs from others. */
export interface PlausibilityBound {
  readonly path: string;
  /** Which value of its output. */
  readonly index: number;
  readonly comparison: '<' | '<=' | '>' | '>=';
  readonly bound: number;
}

/** A checked `plausible` in parts. */
export function parsePlausible(text: string): PlausibilityBound {
  const match = PLAUSIBLE.exec(text);
  if (match === null) throw new Error(`${text} was not checked`);
  const [, path, index = '0', comparison, bound] = match;
  return {
    path,
    index: Number(index),
    comparison: comparison as PlausibilityBound['comparison'],
    bound: Number(bound),
  };
}

/** How many of the greatest scores are seen. */
const TOP_SCORES = /^top:([1-9]\d{0,5})$/;

/** The number of scores that an attacker sees of each answer; undefined where all are seen, or the class alone. */
export function shownScores(outputs: string): number | undefined {
  const count = TOP_SCORES.exec(outputs)?.[1];
  return count === undefined ? undefined : Number(count);
}

const populationSettings = strictMapping({
  share: z
    .number('must be a number')
    .min(0, 'must be from 0 to 1')
    .max(1, 'must be from 0 to 1')
    .meta({ help: 'share of all inputs that attackers send' }),
  cost: z
    .number('must be a number')
    .min(0, 'must be 0 or more')
    .meta({ help: 'loss by one success of an attacker, in losses by one ordinary error' }),
});

/**
 * Who attacks: goal and abilities, after Gilmer et al., "Motivating the Rules of the Game for Adversarial Example Research"
 * (arXiv 1807.06732), sections 2 and 3.
 */
export const threatModelSettings = strictMapping({
  goal: goalSettings.meta({ help: 'what the attacker wants' }),
  starts: z.enum(['given', 'chosen', 'own']).default('given').meta({
    help: 'given: the attacker is handed an input, and success is a share of all seeds; chosen: picks any seed, and one that gives way is a success; own: makes an input from nothing, and seeds are only a start',
  }),
  may: z
    .enum([
      'indistinguishable',
      'content-preserving',
      'non-suspicious',
      'content-constrained',
      'unconstrained',
    ])
    .default('unconstrained')
    .meta({
      help: "how far the input may be changed. indistinguishable: within linf, l2 or l0; content-preserving: within linf, l2, l0 or edits, by mutators that keep the input's meaning; non-suspicious: as long as plausible or limits.valid hold; content-constrained: all but the fixed values; unconstrained: within range and types",
    }),
  plausible: z
    .string('must be a model and a bound')
    .regex(PLAUSIBLE, 'must be a model and a bound, such as detector.onnx < 0.5')
    .optional()
    .meta({
      help: 'for may: non-suspicious: a model that takes the same inputs, and a bound on its output, such as detector.onnx < 0.5, or detector.onnx[1] < 0.5 for one value of several',
    }),
  limits: limitSettings.default({}).meta({ help: 'as the settings of the same names, which they replace' }),
  knows: strictMapping({
    model: z.enum(['weights', 'outputs', 'nothing']).default('weights').meta({
      help: 'weights: the search may look at all tensors and step along gradients; outputs: only at the outputs; nothing: the search runs on surrogate, and its hits are submitted to the model',
    }),
    surrogate: z.string('must be the path of a model').min(1, 'must be the path of a model').optional().meta({
      help: "for model: nothing: a model of the attacker's, with the same inputs and classes",
    }),
    outputs: z
      .union(
        [z.enum(['scores', 'labels']), z.string().regex(TOP_SCORES)],
        'must be scores, labels or top:k, such as top:5',
      )
      .default('scores')
      .meta({
        help: 'scores: a value for each class; top:k: the k greatest of them, and labels: the class alone, which need model: outputs and a goal of classes',
      }),
    defence: z.boolean('must be true or false').default(true).meta({
      help: 'whether the attacker knows how the model is defended; where not, results hold as long as nobody learns of it',
    }),
    randomness: z.boolean('must be true or false').default(true).meta({
      help: 'whether the attacker knows what a random model draws; where not, a finding must hold in 27 of 30 reruns',
    }),
  })
    .default({ model: 'weights', outputs: 'scores', defence: true, randomness: true })
    .meta({ help: 'what the attacker knows' }),
  queries: strictMapping({
    each: queryCount.optional().meta({
      help: 'queries for one seed: a mutant is one, a gradient three',
      defaultText: 'no limit',
    }),
    total: queryCount.optional().meta({ help: 'queries for all seeds', defaultText: 'no limit' }),
  })
    .default({})
    .meta({ help: 'how often the attacker may run the model; the search stops for a seed at its budget' }),
  repeats: z.boolean('must be true or false').default(true).meta({
    help: 'whether the attacker may try again; where not, the first input submitted for a seed counts, which needs knows.model: nothing',
  }),
  turn: z.enum(['after', 'before']).default('after').meta({
    help: 'after: the attacker moves after the defence is fixed; before: no search, only the seeds and --corpus are run',
  }),
  population: populationSettings
    .optional()
    .meta({ help: 'how many attackers there are, and what their success costs', defaultText: 'not known' }),
});

/** A threat model as the schema lets it through. */
export type ThreatModel = z.output<typeof threatModelSettings>;

/** A threat model as a campaign file has it. */
export type ThreatModelSettings = z.input<typeof threatModelSettings>;
