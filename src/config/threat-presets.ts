import type { ThreatModelSettings } from './threat-model.ts';

/** A threat model for a common situation. */
export interface ThreatPreset {
  readonly help: string;
  readonly settings: ThreatModelSettings;
  /** Largest change of a value as a share of the input's span; absent without such a limit. */
  readonly linfShare?: number;
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
    linfShare: 8 / 255,
  },
} as const satisfies Readonly<Record<string, ThreatPreset>>;

export type ThreatPresetName = keyof typeof THREAT_PRESETS;

export const THREAT_PRESET_NAMES = Object.keys(THREAT_PRESETS) as ThreatPresetName[];

/** All presets, for help texts. */
export const THREAT_PRESETS_HELP = THREAT_PRESET_NAMES.map(
  (name) => `${name}: ${THREAT_PRESETS[name].help}`,
).join('; ');

/**
 * The threat model of a preset for an input.
 *
 * @param span difference of the largest and the smallest legal value
 */
export function presetThreatModel(name: ThreatPresetName, span: number): ThreatModelSettings {
  const { settings, linfShare }: ThreatPreset = THREAT_PRESETS[name];
  if (linfShare === undefined) return settings;
  return { ...settings, limits: { linf: Number((linfShare * span).toPrecision(6)) } };
}
