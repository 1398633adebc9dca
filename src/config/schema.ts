import * as z from 'zod';
import { budgetSection } from './budget-section.ts';
import { type FlagMeta, withFlag } from './flag-meta.ts';
import { inputSection } from './input-section.ts';
import { latentSection } from './latent-section.ts';
import { modelSection, resourceSection } from './model-section.ts';
import { mutationSection } from './mutation-section.ts';
import { threatModelSettings } from './threat-model.ts';
import { extensionSpec, paths, specs } from './values.ts';

/** A second model to compare the first with. */
export const secondModelSection = {
  against: withFlag(z.string().min(1).optional(), {
    flags: '--against <model>',
    help: 'second model of a quantization or differential objective, of any format',
    defaultText: 'none',
  }),
  againstRuntime: withFlag(z.enum(['tensorflow', 'wasm', 'cpu', 'onnx']).optional(), {
    flags: '--against-runtime <kind>',
    help: 'runtime of the second model; without --against, the model itself is the second one',
    defaultText: 'none',
  }),
  quantize: withFlag(extensionSpec.optional(), {
    flags: '--quantize <kind>',
    help: 'derive the second model',
    defaultText: 'none',
  }),
  match: withFlag(
    z.union([z.array(z.string().min(1)).min(1), z.record(z.string(), z.string().min(1))]).optional(),
    {
      flags: '--match <output=output...>',
      help: "outputs to compare: the model's name and the second model's",
      defaultText: 'by name, then by order',
    },
  ),
};

/** Coverage and the search that it guides. */
export const coverageSection = {
  coverage: withFlag(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).default('auto'), {
    flags: '--coverage <tensor...>',
    help: "tensors whose activations count as coverage, by name or pattern such as 'block*/relu'; auto: the logits, or the outputs, or the layers before them; layers: the result of every layer with weights",
  }),
  measure: withFlag(extensionSpec.default('norm'), {
    flags: '--measure <kind>',
    help: 'how activations are compared',
  }),
  coverageReference: withFlag(paths.optional(), {
    flags: '--coverage-reference <path...>',
    help: 'inputs, such as training data, that give the ranges, densities or covariances that some measures compare with; name=path for one of several inputs',
    defaultText: 'the seeds',
  }),
  threshold: withFlag(
    z.union([z.literal('auto'), z.number('must be a number').min(0, 'must be at least 0')]).default('auto'),
    {
      flags: '--threshold <x>',
      help: 'squared L2 distance above which activations are new, or the number of new elements if coverage is a set; auto: calibrated on the seeds, 0 for a set, and then adapted',
    },
  ),
  guidance: withFlag(z.enum(['auto', 'ann', 'none']).default('auto'), {
    flags: '--guidance <kind>',
    help: 'auto: new activations, and the margins of objectives and numerical sites; ann: new activations only; none: random control',
  }),
  gradients: withFlag(z.enum(['auto', 'off']).default('auto'), {
    flags: '--gradients <when>',
    help: 'auto: step along the gradient of the margin where the model has one; off: search by mutation alone',
  }),
  scheduler: withFlag(extensionSpec.default('yield'), {
    flags: '--scheduler <kind>',
    help: 'how the next entry to mutate is picked',
  }),
  perSeed: withFlag(z.enum(['first', 'least']).optional(), {
    flags: '--per-seed <kind>',
    help: 'what to do once a seed is broken, for objectives that count per seed: first: continue with unbroken seeds; least: search for the smallest distance at which it breaks',
    defaultText: 'first',
  }),
};

const { model, ...loading } = modelSection;

/**
 * A campaign: the one definition of its settings. The flags of `fuzz`, their help, the campaign file's keys,
 * their types and defaults all come from here, in this order.
 */
export const campaignSchema = z.strictObject({
  model,
  ...inputSection,
  corpus: withFlag(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(), {
    flags: '--corpus <folder...>',
    help: 'testcases of older campaigns to start from, in addition to the seeds: campaign folders, or output of distill. Each keeps its own seed; findings are run again',
    defaultText: 'none',
  }),
  out: withFlag(z.string().min(1).optional(), {
    flags: '-o, --out <dir>',
    help: "the campaign's folder",
    defaultText: 'neurofuzz-out/<model name>',
  }),
  objective: withFlag(specs.default(['nonfinite']), {
    flags: '-O, --objective <spec...>',
    help: 'what counts as a violation: nonfinite; quantization or differential, two models disagree, such as quantization:top=3 or differential:by=boxes; assert, such as "assert:max(abs(logits)) < 50"; metamorphic, such as metamorphic:brightness:most=0.1; misclassified; consistent; slow; text, such as text:words,file=words.txt; or ./module.js. neurofuzz objectives lists them',
    defaultText:
      'nonfinite; with --generate text; with --quantize quantization; with --against or --against-runtime differential',
  }),
  threatModel: threatModelSettings.optional().meta({
    help: 'who attacks: the goal, where the attacker starts and how far the input may be changed; docs/security.md describes it',
    defaultText: 'none',
  }),
  ...secondModelSection,
  ...mutationSection,
  ...latentSection,
  ...coverageSection,
  ...loading,
  ...budgetSection,
  ...resourceSection,
  seed: withFlag(z.string().min(1).optional(), {
    flags: '-s, --seed <text>',
    help: 'master seed',
    defaultText: 'drawn and printed',
  }),
});

/** The settings of a campaign as the schema lets them through. */
export type CampaignConfig = z.output<typeof campaignSchema>;

/** The settings of a campaign as a campaign file has them. */
export type CampaignSettings = z.input<typeof campaignSchema>;

const secondModelSchema = z.object(secondModelSection);

/** Settings to load a second model. */
export type SecondModelConfig = z.output<typeof secondModelSchema>;

export type { BudgetConfig } from './budget-section.ts';
export type { FlagMeta } from './flag-meta.ts';
export type { ColumnSettings, InputConfig, PreprocessSettings, TokenSettings } from './input-section.ts';
export type { LatentConfig } from './latent-section.ts';
export type { GenerateSettings, ModelConfig } from './model-section.ts';
export type { MutationConfig } from './mutation-section.ts';
export type { ThreatModel } from './threat-model.ts';

/** Name of a setting. */
export type SettingName = keyof CampaignConfig;

/** A setting that a flag gives. */
export interface FlagSetting {
  readonly name: SettingName;
  readonly schema: z.core.$ZodType;
  readonly meta: FlagMeta;
  /** The schema's own default; undefined where it has none. */
  readonly fallback: unknown;
}

/** All settings that flags give, in the order of the schema. */
export function flagSettings(): FlagSetting[] {
  const names = Object.keys(campaignSchema.shape) as SettingName[];
  return names.flatMap((name) => {
    const schema = campaignSchema.shape[name];
    const meta = schema.meta() as FlagMeta | undefined;
    if (meta?.flags === undefined) return [];
    const fallback = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return [{ name, schema, meta, fallback }];
  });
}
