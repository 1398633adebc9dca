import * as z from 'zod';
import { positiveInteger, positiveNumber, withFlag } from './flag-meta.ts';
import { paths, ranges, shapes } from './values.ts';

const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);

/** How pixels become input values: value = (level / scale − mean) / std for levels 0 to 255. */
const preprocessSettings = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional().meta({ help: "default: from the input's shape" }),
  scale: positiveNumber.default(255).meta({ help: 'divisor of pixel values' }),
  mean: perChannel.default(0).meta({ help: 'one number, or one per channel' }),
  std: perChannel
    .refine((value) => [value].flat().every((channel) => channel > 0), 'must be above 0')
    .default(1)
    .meta({ help: 'one number, or one per channel' }),
  colour: z.enum(['RGB', 'BGR']).default('RGB').meta({ help: 'order of the channels' }),
  resize: z
    .enum(['crop', 'fit', 'stretch'])
    .default('crop')
    .meta({ help: 'how to fit a picture of another aspect ratio: crop it, add borders, or stretch it' }),
});

export type PreprocessSettings = z.output<typeof preprocessSettings>;

const interval = z
  .tuple([z.number(), z.number()], 'must be two numbers lo,hi')
  .refine(([low, high]) => low < high, 'must be two numbers lo,hi with lo below hi');

/** One column of a table. */
const columnSettings = z.strictObject({
  name: z.string().optional().meta({ help: 'for reports only' }),
  kind: z
    .enum(['range', 'integer', 'category', 'fixed'], 'must have a kind: range, integer, category or fixed')
    .meta({
      help: "range: any number; integer: whole numbers; category: a set of values; fixed: the seed's value",
    }),
  range: interval
    .optional()
    .meta({ help: "legal values; default: the input's range, or the range of the seeds" }),
  values: z
    .array(z.number())
    .min(1)
    .optional()
    .meta({ help: 'values of a category; default: those of the seeds' }),
});

export type ColumnSettings = z.output<typeof columnSettings>;

const tableColumns = z.union([z.enum(['auto', 'none']), z.array(columnSettings).min(1)]);

/** Meaning of an input of token ids. */
const tokenSettings = z.strictObject({
  vocabulary: z.string().min(1).optional().meta({
    help: 'a JSON list of tokens, a JSON map of tokens to ids, or a text file with one token per line; codepoints: ids are Unicode characters',
  }),
  special: z
    .array(z.union([z.int(), z.string()]))
    .optional()
    .meta({
      help: 'ids or tokens that mutators leave unchanged',
      defaultText: 'tokens such as [NAME] or <name> in the vocabulary',
    }),
  length: z
    .tuple([positiveInteger, positiveInteger])
    .refine(
      ([least, most]) => least <= most,
      'must be the minimum and maximum number of tokens, such as 1,128',
    )
    .optional()
    .meta({
      help: "minimum and maximum number of tokens, if the model's length is dynamic",
      defaultText: 'from 1 to the longest seed',
    }),
});

export type TokenSettings = z.output<typeof tokenSettings>;

/** Inputs: seeds with their labels, shapes, legal values and meaning. */
export const inputSection = {
  seeds: withFlag(paths.optional(), {
    flags: '-i, --seeds <path...>',
    help: 'files or folders of inputs: .npy .npz .idx .idx.gz .json .csv .pb .png .jpg, .txt for prompts and strings; name=path for one of several inputs',
    defaultText: "drawn at random within each input's range",
  }),
  labels: withFlag(z.string().min(1).optional(), {
    flags: '--labels <what>',
    help: "class of each seed, for misclassified: a file of numbers or of the model's class names, in the order of the seeds (.npy .idx .json .txt); folders: the names of the seeds' folders; column: the last column of the seeds themselves, column=0 the first",
    defaultText: 'none',
  }),
  range: withFlag(ranges.optional(), {
    flags: '--range <lo,hi...>',
    help: 'legal values of float inputs; name=lo,hi for one input',
    defaultText: 'from the seeds; without seeds from the graph, such as a division by 255, otherwise 0,1',
    example: 'lo,hi',
  }),
  shape: withFlag(shapes.optional(), {
    flags: '--shape <sizes...>',
    help: 'sizes of an input with dynamic dimensions, such as 1,128; name=1,128 for one of several inputs',
    defaultText: 'from the seeds; without seeds the first sizes that the model runs on',
    example: '1,128',
  }),
  preprocess: z
    .record(z.string(), preprocessSettings)
    .optional()
    .meta({ help: 'by input: how pixels become input values' }),
  table: withFlag(z.union([tableColumns, z.record(z.string(), tableColumns)]).optional(), {
    flags: '--table <kind...>',
    help: 'auto: infer the kind of each column from the seeds; none: plain numbers; name=auto for one input. A campaign file can list columns',
    defaultText: 'auto for up to 64 features with 20 seeds or more',
    example: 'auto',
  }),
  tokens: z
    .record(z.string(), tokenSettings)
    .optional()
    .meta({ help: 'by input: vocabulary, special ids and lengths of token ids' }),
};

const inputSchema = z.object(inputSection);

/** Settings to read seeds for a model. */
export type InputConfig = z.output<typeof inputSchema>;
