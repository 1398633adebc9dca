import type { ThreatLimits, ThreatModelSettings } from './threat-model.ts';

/** A threat model for a common situation. */
export interface ThreatPreset {
  readonly help: string;
  readonly settings: ThreatModelSettings;
  /** Limits on the changes of what an attacker sends; absent without any. */
  readonly limitsOf?: (sent: Sent) => Partial<ThreatLimits>;
  /** Whether the attacker searches on a surrogate. */
  readonly hasSurrogate?: true;
}

/** What an attacker sends. */
interface Sent {
  readonly kind: 'pictures' | 'numbers' | 'text';
  /** Difference of the largest and the smallest legal value. */
  readonly span: number;
}

/** Edits of a text that leave no doubt what it says. */
const FEW_EDITS = 3;

/** A distance within a share of the span. */
function linfWithin(share: number, span: number): Partial<ThreatLimits> {
  return { linf: Number((share * span).toPrecision(6)) };
}

/** Threat models that `init --threat-model` writes. */
export const THREAT_PRESETS = {
  reliability: {
    help: 'no attacker: NaN, infinity, crash, hang',
    settings: { goal: { kind: 'reliability' }, starts: 'chosen', may: 'unconstrained' },
  },
  insider: {
    help: 'someone who may change everything, and needs one success',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'chosen',
      may: 'unconstrained',
      knows: { model: 'weights' },
    },
  },
  'benchmark-linf': {
    help: 'L-infinity of 8/255 of the span around each seed, as benchmarks of robustness have it',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'given',
      may: 'indistinguishable',
      knows: { model: 'weights' },
    },
    limitsOf: ({ span }) => linfWithin(8 / 255, span),
  },
  'api-client': {
    help: 'a client of a service who is handed an input, sees scores alone, and may ask 10,000 times for each',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'given',
      may: 'content-preserving',
      knows: { model: 'outputs' },
      queries: { each: 10_000 },
    },
    // Mild changes of pictures need no limit.
    limitsOf: ({ kind, span }) =>
      kind === 'pictures' ? {} : kind === 'text' ? { edits: FEW_EDITS } : linfWithin(0.1, span),
  },
  'label-only': {
    help: 'the same for a client who sees the class alone: L-infinity of 8/255 of the span, 10,000 queries for each seed',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'given',
      may: 'indistinguishable',
      knows: { model: 'outputs', outputs: 'labels' },
      queries: { each: 10_000 },
    },
    limitsOf: ({ span }) => linfWithin(8 / 255, span),
  },
  spam: {
    help: 'a sender of own texts, files or rows who keeps a payload, tries again and again, and sends half of all inputs',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'own',
      may: 'content-constrained',
      knows: { model: 'outputs' },
      repeats: true,
      population: { share: 0.5, cost: 1 },
    },
    limitsOf: ({ kind }) => ({ fixed: kind === 'pictures' ? 'payload.png' : 'payload.npy' }),
  },
  camera: {
    help: 'someone before a camera who has another model in place of yours, and one try: weather, noise, a turn or a shift',
    settings: {
      goal: { kind: 'untargeted' },
      starts: 'given',
      may: 'content-preserving',
      knows: { model: 'nothing' },
      repeats: false,
    },
    hasSurrogate: true,
    limitsOf: ({ kind, span }) =>
      kind === 'pictures' ? {} : kind === 'text' ? { edits: FEW_EDITS } : linfWithin(0.1, span),
  },
} as const satisfies Readonly<Record<string, ThreatPreset>>;

export type ThreatPresetName = keyof typeof THREAT_PRESETS;

export const THREAT_PRESET_NAMES = Object.keys(THREAT_PRESETS) as ThreatPresetName[];

/** All presets, for help texts. */
export const THREAT_PRESETS_HELP = THREAT_PRESET_NAMES.map(
  (name) => `${name}: ${THREAT_PRESETS[name].help}`,
).join('; ');

/**
 * The threat model of a preset, with limits that suit what an attacker sends.
 *
 * @param model path of the model, which stands in for a surrogate until there is one
 */
export function presetThreatModel(name: ThreatPresetName, sent: Sent, model: string): ThreatModelSettings {
  const { settings, limitsOf, hasSurrogate }: ThreatPreset = THREAT_PRESETS[name];
  const limits = limitsOf?.(sent) ?? {};
  return {
    ...settings,
    ...(hasSurrogate === true ? { knows: { ...settings.knows, surrogate: model } } : {}),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

/** Whether the attacker of a preset searches on a surrogate, so that only labels tell what is wrong. */
export function needsLabels(name: ThreatPresetName): boolean {
  const { hasSurrogate }: ThreatPreset = THREAT_PRESETS[name];
  return hasSurrogate === true;
}

/** What is to be done to a campaign file of a preset before it says what it is meant to: a line each. */
export function presetSteps(name: ThreatPresetName, sent: Sent): string[] {
  const { limitsOf, hasSurrogate }: ThreatPreset = THREAT_PRESETS[name];
  const fixed = limitsOf?.(sent).fixed;
  return [
    ...(hasSurrogate === true
      ? [
          'threatModel.knows.surrogate is the model itself, so that all that is found there holds: name a model that an attacker could have, such as one trained on other data',
        ]
      : []),
    ...(fixed === undefined
      ? []
      : [
          `threatModel.limits.fixed names ${fixed}: write it, with 1 for the values that stay and 0 for others`,
        ]),
  ];
}
