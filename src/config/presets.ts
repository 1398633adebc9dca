/** Settings that the schema has not checked, by name. */
type Settings = Readonly<Record<string, unknown>>;

/** Settings for a purpose, by the preset's name. Flags and the campaign file override each of them. */
export const PRESETS = {
  quick: { time: '60s' },
  ci: { execs: 200_000, time: '15m', minExecs: 100, seed: 'ci' },
  deep: { time: '8h', keep: 20 },
} as const;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** Settings as a campaign file has them, in one line: `time: 8h, keep: 20`. */
const settingsText = (settings: Settings): string =>
  Object.entries(settings)
    .map(([name, value]) => `${name}: ${value}`)
    .join(', ');

/** All presets with their settings, for help texts. */
export const PRESETS_HELP = PRESET_NAMES.map((name) => `${name} (${settingsText(PRESETS[name])})`).join('; ');

/**
 * The settings of the preset that flags or the campaign file name; none where they name none, or one that does not exist, which the
 * schema refuses.
 */
export function presetSettings(file: Settings, flags: Settings): Settings {
  const { preset } = { ...file, ...flags };
  return typeof preset === 'string' && Object.hasOwn(PRESETS, preset) ? PRESETS[preset as PresetName] : {};
}

/**
 * What a preset contributes, as a log line: which of its settings apply, and which are overridden. Undefined without a preset.
 *
 * @param file settings of the campaign file
 */
export function describePreset(file: Settings, flags: Settings): string | undefined {
  const { preset } = { ...file, ...flags };
  if (preset === undefined) return undefined;
  const given: Settings = { ...file, ...flags };
  const entries = Object.entries(presetSettings(file, flags));
  const applied = Object.fromEntries(entries.filter(([name]) => given[name] === undefined));
  const overridden = Object.fromEntries(
    entries.flatMap(([name]) => (given[name] === undefined ? [] : [[name, given[name]]])),
  );
  const parts = [
    ...(Object.keys(applied).length === 0 ? [] : [settingsText(applied)]),
    ...(Object.keys(overridden).length === 0 ? [] : [`overridden by ${settingsText(overridden)}`]),
  ];
  return `preset ${preset}: ${parts.join('; ')}`;
}
