import type { ThreatLimits, ThreatModelSettings } from './threat-model.ts';

/** A threat model for a common situation. */
export interface ThreatPreset {
  readonly help: string;
  readonly settings: ThreatModelSettings;
  /** Limits on the changes of what an attacker sends; absent without any. */
  readonly limitsOf?: (sent: Sent) => Partial<ThreatLimits>;
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
} as const satisfies Readonly<Record<string, ThreatPreset>>;

export type ThreatPresetName = keyof typeof THREAT_PRESETS;

export const THREAT_PRESET_NAMES = Object.keys(THREAT_PRESETS) as ThreatPresetName[];

/** All presets, for help texts. */
export const THREAT_PRESETS_HELP = THREAT_PRESET_NAMES.map(
  (name) => `${name}: ${THREAT_PRESETS[name].help}`,
).join('; ');

/** The threat model of a preset, with limits that suit what an attacker sends. */
export function presetThreatModel(name: ThreatPresetName, sent: Sent): ThreatModelSettings {
  const { settings, limitsOf }: ThreatPreset = THREAT_PRESETS[name];
  const limits = limitsOf?.(sent) ?? {};
  return Object.keys(limits).length === 0 ? settings : { ...settings, limits };
}
