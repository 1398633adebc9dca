import { accuracyOf, afterAll, type Correct, compareAccuracy, inputsWhere } from './paired.ts';
import type { GradientState, SlopeFacts } from './slopes.ts';

/** The attacks that checks compare, by the names that rows and findings have. */
export const AUDIT_ATTACKS = [
  'pgd',
  'pgd-dlr',
  'one-step',
  'ten-steps',
  'unbounded',
  'quarter',
  'half',
  'double',
  'fourfold',
  'random',
  'outputs',
  'surrogate',
  'against',
  'adaptive',
] as const;

export type AuditAttack = (typeof AUDIT_ATTACKS)[number];

/** The radii of the curve, as shares of the limit. */
export const CURVE = [
  ['quarter', 1 / 4],
  ['half', 1 / 2],
  ['pgd', 1],
  ['double', 2],
  ['fourfold', 4],
] as const satisfies readonly (readonly [AuditAttack, number])[];

/** What checks measure by; each attack runs once. */
export interface AuditProbe {
  /** The attacks that the model and the settings allow. */
  readonly available: ReadonlySet<AuditAttack>;
  readonly hasGradient: boolean;
  /** Whether runs of one batch differ: set by the check `nondeterministic`. */
  isRandom: boolean;
  /** Whether the model is right on each input after an attack. */
  after(attack: AuditAttack): Promise<Correct>;
  slopes(): Promise<readonly SlopeFacts[]>;
  /** Of ten runs of the same batch: by input, the largest difference of scores relative to their size, and whether a class changes. */
  reruns(): Promise<readonly { readonly difference: number; readonly changes: boolean }[]>;
}

/** What a check found. */
export interface CheckFinding {
  /** The figure, and what it is held against; null where there is no one number. */
  readonly value: number | null;
  readonly bar: number | null;
  readonly flagged: boolean;
  /** Numbers of the inputs that show it. */
  readonly inputs: readonly number[];
}

/** What a flag says of the model. */
export type CheckSense = 'masking' | 'random' | 'attack';

/** A check of a defence. */
export interface AuditCheck {
  readonly name: string;
  /** What is compared, for people. */
  readonly help: string;
  /** `masking`: gradients are hidden; `random`: the model is random; `attack`: the attack is not at its best. */
  readonly sense: CheckSense;
  /** What a flag means, and how to attack properly. */
  readonly advice: string;
  /** The attacks that it compares. */
  readonly attacks: readonly AuditAttack[];
  /** Why it says nothing of this model; undefined where it does. */
  refuses?(probe: Pick<AuditProbe, 'hasGradient' | 'isRandom'>): string | undefined;
  run(probe: AuditProbe): Promise<CheckFinding>;
}

/** Largest relative difference between runs of one batch that is rounding. */
const MAX_RERUN_DIFFERENCE = 1e-5;

/** Share of inputs without a gradient, or within a step of a staircase, that is still accepted. */
const MAX_FLAT_SHARE = 0.1;

/** Least median cosine between forecast and seen changes. */
const MIN_COSINE = 0.8;

/** Largest accuracy after an attack without a limit. */
const MAX_UNBOUNDED_ACCURACY = 0.05;

/** Least fall of the accuracy over the curve. */
const MIN_FALL = 0.3;

const needsGradient = ({ hasGradient }: Pick<AuditProbe, 'hasGradient'>): string | undefined =>
  hasGradient ? undefined : 'there are no gradients';

/** A check that the accuracy after one attack is not above that after another. */
function comparison(
  name: string,
  [first, second]: readonly [AuditAttack, AuditAttack],
  texts: Pick<AuditCheck, 'help' | 'advice'> & Partial<Pick<AuditCheck, 'sense'>>,
): AuditCheck {
  return {
    name,
    sense: 'masking',
    ...texts,
    attacks: [first, second],
    refuses: needsGradient,
    async run(probe) {
      const { counts, ...rest } = compareAccuracy(await probe.after(first), await probe.after(second));
      return { ...rest, flagged: counts };
    },
  };
}

function flatShare(slopes: readonly SlopeFacts[], loss: 'cross-entropy' | 'dlr'): CheckFinding {
  const isUseless = ({ gradients }: SlopeFacts): boolean =>
    (gradients?.[loss] ?? ('zero' satisfies GradientState)) !== 'fine';
  const inputs = inputsWhere(slopes, isUseless);
  const value = inputs.length / slopes.length;
  return { value, bar: MAX_FLAT_SHARE, flagged: value > MAX_FLAT_SHARE, inputs };
}

/** The checks, in the order in which they run. */
export const AUDIT_CHECKS: readonly AuditCheck[] = [
  {
    name: 'nondeterministic',
    help: 'the same batch ten times',
    sense: 'random',
    advice: 'The model is random: an attack must average gradients and answers over draws.',
    attacks: [],
    async run(probe) {
      const reruns = await probe.reruns();
      const value = Math.max(...reruns.map(({ difference }) => difference));
      const inputs = inputsWhere(
        reruns,
        ({ difference, changes }) => changes || !(difference <= MAX_RERUN_DIFFERENCE),
      );
      probe.isRandom = inputs.length > 0;
      return { value, bar: MAX_RERUN_DIFFERENCE, flagged: probe.isRandom, inputs };
    },
  },
  {
    name: 'no-gradient',
    help: 'gradient of the cross-entropy in single precision: share of inputs where it is 0 or not finite',
    sense: 'masking',
    advice:
      'Rounding, thresholds or saturation stop the gradient: pass rounding on as the identity (straight-through), or raise a loss that does not saturate (DLR).',
    attacks: [],
    refuses: needsGradient,
    run: async (probe) => flatShare(await probe.slopes(), 'cross-entropy'),
  },
  {
    name: 'staircase',
    help: 'scores that do not change by a short step in any of 32 directions, but by a step ten times as long: share of inputs',
    sense: 'masking',
    advice: 'Scores change in steps: search by outputs with steps that are long enough.',
    attacks: [],
    refuses: ({ hasGradient, isRandom }) =>
      hasGradient
        ? 'the model has gradients'
        : isRandom
          ? 'the model is random, so that scores always change'
          : undefined,
    async run(probe) {
      const slopes = await probe.slopes();
      const inputs = inputsWhere(slopes, ({ isFlat }) => isFlat.short && !isFlat.usual);
      const value = inputs.length / slopes.length;
      return { value, bar: MAX_FLAT_SHARE, flagged: value > MAX_FLAT_SHARE, inputs };
    },
  },
  comparison('scale', ['pgd', 'pgd-dlr'], {
    help: 'PGD on the cross-entropy against PGD on DLR, which does not change with the scale of logits',
    advice: 'Logits are so large that the softmax is flat: raise DLR, or divide the logits.',
  }),
  {
    name: 'wrong-gradient',
    help: 'changes along 32 random directions as the gradient forecasts them and as they are: median cosine',
    sense: 'masking',
    advice:
      'The gradient is not that of the function: attack the function itself, with a straight-through gradient or by outputs.',
    attacks: [],
    refuses: (probe) =>
      needsGradient(probe) ??
      (probe.isRandom ? 'the model is random, so that differences are noise' : undefined),
    async run(probe) {
      const slopes = await probe.slopes();
      const cosines = slopes.map(({ cosine = 0 }) => cosine);
      const value = cosines.toSorted((a, b) => a - b)[cosines.length >> 1];
      const inputs = inputsWhere(cosines, (cosine) => cosine < MIN_COSINE);
      return { value, bar: MIN_COSINE, flagged: value < MIN_COSINE, inputs };
    },
  },
  comparison('one-step-better', ['pgd', 'one-step'], {
    help: 'all steps of PGD against one step of the whole limit',
    advice: 'One step does better than many: the gradient misleads further steps. Search by outputs.',
  }),
  comparison('more-steps', ['ten-steps', 'pgd'], {
    help: 'ten steps of PGD against all',
    sense: 'attack',
    advice: 'More steps still help: set --steps higher. This says nothing against the model.',
  }),
  {
    name: 'unbounded',
    help: 'PGD with the whole range as its limit: accuracy',
    sense: 'masking',
    advice: 'Without a limit any model must fall: the gradient does not lead to mistakes. Search by outputs.',
    attacks: ['unbounded'],
    refuses: needsGradient,
    async run(probe) {
      const correct = await probe.after('unbounded');
      const value = accuracyOf(correct);
      const flagged = value > MAX_UNBOUNDED_ACCURACY;
      return { value, bar: MAX_UNBOUNDED_ACCURACY, flagged, inputs: inputsWhere(correct, Boolean) };
    },
  },
  {
    name: 'flat-curve',
    help: 'PGD at a quarter, half, once, twice and four times the limit: fall of the accuracy, which must not rise',
    sense: 'attack',
    advice: 'Larger limits do not help the attack: it does not work on this model.',
    attacks: CURVE.map(([attack]) => attack),
    refuses: needsGradient,
    async run(probe) {
      const curve: Correct[] = [];
      for (const [attack] of CURVE) curve.push(await probe.after(attack));
      const value = accuracyOf(curve[0]) - accuracyOf(curve[curve.length - 1]);
      const rises = curve.slice(1).some((correct, i) => compareAccuracy(correct, curve[i]).counts);
      const inputs = inputsWhere(curve[curve.length - 1], Boolean);
      return { value, bar: MIN_FALL, flagged: value < MIN_FALL || rises, inputs };
    },
  },
  comparison('random-better', ['pgd', 'random'], {
    help: 'PGD against random points of the ball',
    advice: 'Random points do better than the gradient: search by outputs.',
  }),
  comparison('outputs-better', ['pgd', 'outputs'], {
    help: 'PGD against an attack by outputs alone',
    advice: 'Outputs alone do better than gradients, which are hidden: search by outputs, with more queries.',
  }),
  {
    name: 'transfer-better',
    help: 'PGD against inputs that were made for a surrogate, and for the model of --against',
    sense: 'masking',
    advice:
      'Inputs made for another model do better than the gradient: transfer them, then search by outputs.',
    attacks: ['pgd', 'surrogate', 'against'],
    refuses: needsGradient,
    async run(probe) {
      const transfers: Correct[] = [];
      for (const attack of ['surrogate', 'against'] as const)
        if (probe.available.has(attack)) transfers.push(await probe.after(attack));
      const { counts, ...rest } = compareAccuracy(await probe.after('pgd'), afterAll(transfers));
      return { ...rest, flagged: counts };
    },
  },
];

/** What an audit says of a defence. */
export type Verdict = 'masked' | 'random' | 'no sign of masking' | 'not judged';

/**
 * The verdict of the checks that ran.
 *
 * @param flagged those of them that were flagged
 */
export function verdictOf(
  run: readonly Pick<AuditCheck, 'sense'>[],
  flagged: readonly Pick<AuditCheck, 'sense'>[],
): Verdict {
  if (flagged.some(({ sense }) => sense === 'masking')) return 'masked';
  if (flagged.some(({ sense }) => sense === 'random')) return 'random';
  return run.some(({ sense }) => sense === 'masking') ? 'no sign of masking' : 'not judged';
}

/** Accuracy by which a claim may be missed. */
const CLAIM_TOLERANCE = 0.02;

/**
 * Holds a claimed robust accuracy against what the attacks left.
 *
 * @param robust share of all inputs, those included that are wrong without an attack
 * @param worst whether the model is right on each attacked input after all attacks
 */
export function checkClaim(claim: number, robust: number, worst: Correct): CheckFinding {
  const bar = claim - CLAIM_TOLERANCE;
  return {
    value: robust,
    bar,
    flagged: robust < bar - 1e-9,
    inputs: inputsWhere(worst, (isRight) => !isRight),
  };
}
