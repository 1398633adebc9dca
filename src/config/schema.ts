import { z } from 'zod';
import { didYouMean } from '../core/did-you-mean.ts';
import { QUANTIZATIONS } from './quantizations.ts';
import { duration, paths, ranges, shapes, size, specLists, specs } from './values.ts';

/** How a field is given on the command line. */
export interface FlagMeta {
  readonly flags: string;
  readonly help: string;
  /** How the flag's text becomes the field's value. */
  readonly as:
    | 'text'
    | 'number'
    | 'switch'
    | 'list'
    | 'ranges'
    | 'shapes'
    | 'threshold'
    | 'rule'
    | 'columns'
    | 'settings';
  /** What `--help` shows as the default where the schema's own default does not say it. */
  readonly defaultText?: string;
}

const withFlag = <T extends z.ZodType>(schema: T, meta: FlagMeta): T => schema.meta({ ...meta }) as T;

const positiveInteger = z.int('must be a whole number').positive('must be 1 or more');
const positiveNumber = z.number('must be a number').positive('must be above 0');

/** One of ours by its name, or a module of the user's by its path. */
const nameOrModule = (names: readonly string[]) =>
  z
    .string(`must be one of ${names.join(', ')}, or a module such as ./own.js`)
    .regex(new RegExp(`^(?:${names.join('|')})$|[/\\\\]|\\.[cm]?[jt]s$`), {
      error: ({ input }) => {
        const near = didYouMean(String(input), names);
        const hint = near === '' ? ', or a module such as ./own.js' : ` (${near})`;
        return `must be one of ${names.join(', ')}${hint}`;
      },
    });

const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);

/** What stands between a picture and an input: value = (level / scale − mean) / std for levels 0 to 255. */
const preprocessSettings = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional().meta({ help: "as the input's shape says, unless told" }),
  scale: positiveNumber.default(255).meta({ help: 'what levels are divided by first' }),
  mean: perChannel.default(0).meta({ help: 'one number, or one a channel' }),
  std: perChannel
    .refine((value) => [value].flat().every((one) => one > 0), 'must be above 0')
    .default(1)
    .meta({ help: 'one number, or one a channel' }),
  colour: z.enum(['RGB', 'BGR']).default('RGB').meta({ help: 'the order of the channels' }),
  resize: z
    .enum(['crop', 'fit', 'stretch'])
    .default('crop')
    .meta({ help: 'how a picture of another shape is made to fit: cut, with borders, or out of proportion' }),
});

export type PreprocessSettings = z.output<typeof preprocessSettings>;

const interval = z
  .tuple([z.number(), z.number()], 'must be two numbers lo,hi')
  .refine(([low, high]) => low < high, 'must be two numbers lo,hi with lo below hi');

/** One column of a table. */
const columnSettings = z.strictObject({
  name: z.string().optional().meta({ help: 'for people alone' }),
  kind: z
    .enum(
      ['range', 'integer', 'category', 'fixed'],
      'must have a kind out of range, integer, category, fixed',
    )
    .meta({ help: 'any number, whole numbers, some values, or what the seed has' }),
  range: interval.optional().meta({ help: "legal values; the input's range, else the seeds', unless told" }),
  values: z.array(z.number()).min(1).optional().meta({ help: "of a category; the seeds' unless told" }),
});

export type ColumnSettings = z.output<typeof columnSettings>;

const tableColumns = z.union([z.enum(['auto', 'none']), z.array(columnSettings).min(1)]);

/** What is known of an input of token ids. */
const tokenSettings = z.strictObject({
  vocabulary: z.string().min(1).optional().meta({
    help: 'a JSON list of tokens or map of tokens to ids, or a text file of a token a line; codepoints: ids are Unicode characters',
  }),
  special: z
    .array(z.union([z.int(), z.string()]))
    .optional()
    .meta({
      help: 'ids or tokens that are never changed',
      defaultText: 'those that the vocabulary writes as [NAME] or <name>',
    }),
  length: z
    .tuple([positiveInteger, positiveInteger])
    .refine(([least, most]) => least <= most, 'must be the fewest and the most tokens, as 1,128')
    .optional()
    .meta({
      help: 'fewest and most tokens, where the model leaves the length open',
      defaultText: 'from 1 to the longest seed',
    }),
});

export type TokenSettings = z.output<typeof tokenSettings>;

const token = z.union([z.int(), z.string().min(1)]);
const tokenList = z.union([token, z.array(token)]).transform((value) => [value].flat());

/** Most tokens of an answer: more would take longer than anyone waits for a run. */
const MAX_ANSWER_TOKENS = 65_536;

/** How a model goes on with texts. */
const generateSettings = z.strictObject({
  vocabulary: z
    .string('must name a vocabulary: a JSON list of tokens, a tokenizer.json, or codepoints')
    .min(1)
    .meta({
      help: 'a JSON list of tokens or map of tokens to ids, a text file of a token a line, a tokenizer.json of Hugging Face; codepoints: ids are Unicode characters',
    }),
  length: positiveInteger
    .max(MAX_ANSWER_TOKENS, `must have a length of at most ${MAX_ANSWER_TOKENS}`)
    .default(64)
    .meta({ help: 'most tokens of an answer' }),
  temperature: z
    .number('must have a number as temperature')
    .min(0, 'must have a temperature of 0 or more')
    .default(0)
    .meta({ help: 'what logits are divided by before a token is drawn; 0 takes the likeliest' }),
  topK: positiveInteger
    .optional()
    .meta({ help: 'of how many of the likeliest tokens one is drawn', defaultText: 'all' }),
  seed: z
    .union([z.string().min(1), z.number()])
    .transform(String)
    .default('1')
    .meta({ help: 'a prompt has one answer for good; with another seed it has another one' }),
  start: tokenList.default([]).meta({ help: 'tokens before every prompt, by id or as they are written' }),
  end: tokenList.default([]).meta({ help: 'tokens that end an answer' }),
  prompts: z.enum(['lines', 'files']).optional().meta({
    help: 'whether a line of a .txt file is a prompt, or the whole file',
    defaultText: 'a line; in a folder, a file',
  }),
  promptLength: z
    .tuple([positiveInteger, positiveInteger])
    .refine(([least, most]) => least <= most, 'must be the fewest and the most tokens of a prompt, as 1,128')
    .optional()
    .meta({ help: 'fewest and most tokens of a prompt', defaultText: 'from 1 to the longest seed' }),
  tokens: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'the input of tokens', defaultText: 'told by type and name' }),
  logits: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'the output of logits', defaultText: 'told by its size' }),
  states: z.record(z.string(), z.string().min(1)).optional().meta({
    help: 'of each input that carries state, the output that it takes next',
    defaultText: 'told by names, as h_in and h_out, past_key_values.0.key and present.0.key',
  }),
});

export type GenerateSettings = z.output<typeof generateSettings>;

const fractionNamed = (name: string) =>
  z
    .number(`must have a number as ${name}`)
    .positive(`must have ${name} above 0`)
    .max(1, `must have ${name} of at most 1`);

/** DeepHunter's rule. */
const deephunterSettings = z.strictObject({
  alpha: fractionNamed('alpha')
    .default(0.02)
    .meta({ help: 'fewer values than this share may change at will' }),
  beta: fractionNamed('beta').default(0.2).meta({ help: 'else all of them by this share of the range' }),
});

/**
 * A campaign: the one place that says which settings there are. The flags of `fuzz`, their help, the
 * campaign file's keys, their types and defaults all come from here.
 */
export const campaignSchema = z.strictObject({
  model: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'the saved model: an .onnx file, a TensorFlow.js model.json or a SavedModel folder' }),
  seeds: withFlag(paths.optional(), {
    flags: '-i, --seeds <path...>',
    help: 'files or folders: .npy .npz .idx .idx.gz .json .pb .png .jpg, .txt for texts; name=path for one of several inputs',
    as: 'list',
    defaultText: "drawn at random within each input's range",
  }),
  corpus: withFlag(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).optional(), {
    flags: '--corpus <folder...>',
    help: 'testcases of older campaigns to begin with beside the seeds: campaigns, or what distill wrote. Each is measured from its own seed; findings are run again',
    as: 'list',
    defaultText: 'none',
  }),
  out: withFlag(z.string().min(1).optional(), {
    flags: '-o, --out <dir>',
    help: "the campaign's folder",
    as: 'text',
    defaultText: 'neurofuzz-out/<model name>',
  }),
  objective: withFlag(specs.default(['nonfinite']), {
    flags: '-O, --objective <spec...>',
    help: 'what counts as a violation: nonfinite; quantization or differential, two models that answer otherwise, as quantization:top=3; assert, as "assert:max(abs(logits)) < 50"; metamorphic, as metamorphic:brightness:most=0.1; misclassified; slow; text, as text:words,file=words.txt; or ./module.js. neurofuzz objectives lists them',
    as: 'list',
    defaultText:
      'nonfinite; with --generate text; with --quantize quantization; with --against or --against-runtime differential',
  }),
  against: withFlag(z.string().min(1).optional(), {
    flags: '--against <model>',
    help: 'the second model of a quantization or differential objective, of any format',
    as: 'text',
    defaultText: 'none',
  }),
  againstRuntime: withFlag(z.enum(['tensorflow', 'wasm', 'cpu', 'onnx']).optional(), {
    flags: '--against-runtime <kind>',
    help: 'the runtime of the second model; without --against the model itself is the second one',
    as: 'text',
    defaultText: 'none',
  }),
  quantize: withFlag(z.enum(QUANTIZATIONS).optional(), {
    flags: '--quantize <kind>',
    help: 'derive the second model: float16, bfloat16, int8, which is calibrated on the seeds',
    as: 'text',
    defaultText: 'none',
  }),
  match: withFlag(
    z.union([z.array(z.string().min(1)).min(1), z.record(z.string(), z.string().min(1))]).optional(),
    {
      flags: '--match <output=output...>',
      help: "outputs that belong together: the model's name and the second one's",
      as: 'list',
      defaultText: 'by name, then by order',
    },
  ),
  labels: withFlag(z.string().min(1).optional(), {
    flags: '--labels <what>',
    help: 'the class that each seed shows, for misclassified: a file of numbers in the order of the seeds (.npy .idx .json .txt); folders: by the names of the folders they lie in; column: the last column of the seeds themselves, column=0 the first',
    as: 'text',
    defaultText: 'none',
  }),
  generate: withFlag(generateSettings.optional(), {
    flags: '--generate <setting...>',
    help: 'have the model go on with texts: vocabulary=FILE length=64 temperature=0.7 topK=40 end=TOKEN; states=in=out names what is passed round. docs/text.md lists all',
    as: 'settings',
    defaultText: 'off',
  }),
  mutator: withFlag(specLists.optional(), {
    flags: '-m, --mutator <spec...>',
    help: 'which mutators, as gaussian:sigma=0.05, a group as images, all, or ./module.js; name=none leaves an input as it is',
    as: 'list',
    defaultText: "by the input's kind; neurofuzz mutators lists them",
  }),
  range: withFlag(ranges.optional(), {
    flags: '--range <lo,hi...>',
    help: 'legal values of the inputs; name=lo,hi for one input',
    as: 'ranges',
    defaultText: 'from the seeds',
  }),
  shape: withFlag(shapes.optional(), {
    flags: '--shape <sizes...>',
    help: 'sizes of an input that the model leaves open, as 1,128; name=1,128 for one of several inputs',
    as: 'shapes',
    defaultText: 'from the seeds',
  }),
  preprocess: z
    .record(z.string(), preprocessSettings)
    .optional()
    .meta({ help: 'by input: what stands between a picture and its values' }),
  linf: withFlag(positiveNumber.optional(), {
    flags: '--linf <x>',
    help: 'largest change of any value from the ancestor seed',
    as: 'number',
    defaultText: 'none',
  }),
  l2: withFlag(positiveNumber.optional(), {
    flags: '--l2 <x>',
    help: 'largest Euclidean distance from the ancestor seed',
    as: 'number',
    defaultText: 'none',
  }),
  l0: withFlag(positiveInteger.optional(), {
    flags: '--l0 <n>',
    help: 'most values that differ from the ancestor seed',
    as: 'number',
    defaultText: 'none',
  }),
  edits: withFlag(positiveInteger.optional(), {
    flags: '--edits <n>',
    help: 'most insertions, deletions and substitutions of tokens from the ancestor seed',
    as: 'number',
    defaultText: 'none',
  }),
  deephunter: withFlag(deephunterSettings.optional(), {
    flags: '--deephunter [alpha,beta]',
    help: "DeepHunter's rule: fewer than alpha of the values change at will, or all by beta of the range; one geometric change before that",
    as: 'rule',
    defaultText: 'off; 0.02,0.2 where no numbers are given',
  }),
  fixed: withFlag(paths.optional(), {
    flags: '--fixed <file...>',
    help: 'a mask: values where it is not 0 stay as the seed has them; name=file for one of several inputs',
    as: 'list',
    defaultText: 'none',
  }),
  table: withFlag(z.union([tableColumns, z.record(z.string(), tableColumns)]).optional(), {
    flags: '--table <kind...>',
    help: 'auto: kinds of columns from the seeds; none: plain numbers; name=auto for one input. A campaign file lists columns',
    as: 'columns',
    defaultText: 'auto for up to 64 features with 20 seeds or more',
  }),
  tokens: z
    .record(z.string(), tokenSettings)
    .optional()
    .meta({ help: 'by input: vocabulary, special ids and lengths of token ids' }),
  dictionary: withFlag(paths.optional(), {
    flags: '--dictionary <file...>',
    help: "words to put into tokens: a line each, or AFL's format; name=file for one of several inputs",
    as: 'list',
    defaultText: 'none',
  }),
  coverage: withFlag(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).default('auto'), {
    flags: '--coverage <tensor...>',
    help: "which tensors are the activations, by name or pattern as 'block*/relu'; auto: the logits, else the layer before the output",
    as: 'list',
  }),
  measure: withFlag(nameOrModule(['norm', 'values']).default('norm'), {
    flags: '--measure <kind>',
    help: 'what of the activations is compared: norm, the length of each tensor, searches outward; values, all of them; or ./module.js',
    as: 'text',
  }),
  threshold: withFlag(z.union([z.literal('auto'), positiveNumber]).default('auto'), {
    flags: '--threshold <x>',
    help: 'squared L2 distance above which activations are new; auto: calibrated on the seeds',
    as: 'threshold',
  }),
  guidance: withFlag(z.enum(['auto', 'ann', 'none']).default('auto'), {
    flags: '--guidance <kind>',
    help: 'auto: new activations, and margins of operations that can go wrong; ann: new activations alone; none: the random control',
    as: 'text',
  }),
  scheduler: withFlag(nameOrModule(['yield', 'recent', 'uniform']).default('yield'), {
    flags: '--scheduler <kind>',
    help: 'which entry is mutated next: yield, by what entries led to; recent and uniform, both as in TensorFuzz; or ./module.js',
    as: 'text',
  }),
  runtime: withFlag(z.enum(['auto', 'tensorflow', 'wasm', 'cpu', 'onnx']).default('auto'), {
    flags: '--runtime <kind>',
    help: 'tensorflow, wasm, cpu for TensorFlow.js models; tensorflow for SavedModels; onnx',
    as: 'text',
  }),
  signature: withFlag(z.string().min(1).optional(), {
    flags: '--signature <name>',
    help: 'of a SavedModel: the signature to run',
    as: 'text',
    defaultText: 'serving_default, or the only one',
  }),
  tags: withFlag(z.array(z.string().min(1)).min(1).optional(), {
    flags: '--tags <tag...>',
    help: 'of a SavedModel: tags of the graph to load',
    as: 'list',
    defaultText: 'serve',
  }),
  time: withFlag(duration.optional(), {
    flags: '-t, --time <duration>',
    help: 'stop after this long, as 90s, 10m, 8h',
    as: 'text',
    defaultText: 'until Ctrl-C',
  }),
  execs: withFlag(positiveInteger.optional(), {
    flags: '-n, --execs <n>',
    help: 'stop after so many mutants',
    as: 'number',
    defaultText: 'none',
  }),
  untilFinding: withFlag(z.boolean().default(false), {
    flags: '--until-finding',
    help: 'stop at the first finding',
    as: 'switch',
  }),
  keep: withFlag(positiveInteger.default(5), {
    flags: '--keep <n>',
    help: 'findings kept on disk for one signature; all are counted',
    as: 'number',
  }),
  maxCorpus: withFlag(positiveInteger.optional(), {
    flags: '--max-corpus <n>',
    help: 'most testcases in the corpus; what is new after that is not kept',
    as: 'number',
    defaultText: 'none',
  }),
  maxDisk: withFlag(size.optional(), {
    flags: '--max-disk <size>',
    help: 'end the campaign in order when its folder holds so much, as 2GB',
    as: 'text',
    defaultText: 'none',
  }),
  minExecs: withFlag(positiveInteger.optional(), {
    flags: '--min-execs <n>',
    help: 'exit with 3 where fewer mutants ran: a night that did nothing is not green',
    as: 'number',
    defaultText: 'none',
  }),
  epoch: withFlag(positiveInteger.max(65_536, 'must be 65536 or less').optional(), {
    flags: '--epoch <tasks>',
    help: 'hand tasks out in epochs of so many, two at a time: machines far off then need not wait, and search sees less of what is out. The same on a queue and without one',
    as: 'number',
    defaultText: 'none; 256 with --queue',
  }),
  jobs: withFlag(positiveInteger.max(1024, 'must be 1024 or less').optional(), {
    flags: '-j, --jobs <n>',
    help: 'worker processes; changes the speed and nothing else',
    as: 'number',
    defaultText: 'all cores',
  }),
  timeout: withFlag(duration.default('30s'), {
    flags: '--timeout <duration>',
    help: 'longest one run of the model may take before its worker is ended and a hang finding is kept',
    as: 'text',
  }),
  memory: withFlag(size.optional(), {
    flags: '--memory <size>',
    help: 'most memory of a worker before it is ended and a memory finding is kept, as 2GB',
    as: 'text',
    defaultText: "a worker's share of four fifths of the machine's",
  }),
  batch: withFlag(positiveInteger.max(65_536, 'must be 65536 or less').optional(), {
    flags: '--batch <n>',
    help: 'mutants in one run of the model',
    as: 'number',
    defaultText: "by the input's size",
  }),
  seed: withFlag(z.string().min(1).optional(), {
    flags: '-s, --seed <text>',
    help: 'master seed',
    as: 'text',
    defaultText: 'drawn and printed',
  }),
});

/** The settings of a campaign as the schema lets them through. */
export type CampaignConfig = z.output<typeof campaignSchema>;

/** Name of a setting. */
export type SettingName = keyof CampaignConfig;

/** Settings that a flag gives, with how. */
export function flagSettings(): [name: SettingName, meta: FlagMeta, fallback: unknown][] {
  return Object.entries(campaignSchema.shape).flatMap(([name, schema]) => {
    const meta = schema.meta() as FlagMeta | undefined;
    if (meta?.flags === undefined) return [];
    const fallback = schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
    return [[name as SettingName, meta, fallback] as [SettingName, FlagMeta, unknown]];
  });
}
