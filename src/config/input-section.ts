import * as z from 'zod';
import { positiveInteger, positiveNumber, withFlag } from './flag-meta.ts';
import { paths, ranges, shapes } from './values.ts';

const perChannel = z.union([z.number(), z.array(z.number()).min(1)]);

/** How pixels become input values: value = (level / scale − mean) / std for levels 0 to 255. */
const preprocessSettings = z.strictObject({
  layout: z.enum(['NCHW', 'NHWC']).optional().meta({ help: "as the input's shape says by default" }),
  scale: positiveNumber.default(255).meta({ help: 'what levels are divided by first' }),
  mean: perChannel.default(0).meta({ help: 'one number, or one a channel' }),
  std: perChannel
    .refine((value) => [value].flat().every((channel) => channel > 0), 'must be above 0')
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
  range: interval.optional().meta({ help: "legal values; by default the input's range, else the seeds'" }),
  values: z.array(z.number()).min(1).optional().meta({ help: "of a category; the seeds' by default" }),
});

export type ColumnSettings = z.output<typeof columnSettings>;

const tableColumns = z.union([z.enum(['auto', 'none']), z.array(columnSettings).min(1)]);

/** Meaning of an input of token ids. */
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

/** Inputs: seeds with their labels, shapes, legal values and meaning. */
export const inputSection = {
  seeds: withFlag(paths.optional(), {
    flags: '-i, --seeds <path...>',
    help: 'files or folders: .npy .npz .idx .idx.gz .json .csv .pb .png .jpg, .txt for texts and strings; name=path for one of several inputs',
    defaultText: "drawn at random within each input's range",
  }),
  labels: withFlag(z.string().min(1).optional(), {
    flags: '--labels <what>',
    help: 'the class that each seed shows, for misclassified: a file of numbers, or of names that the model has for them, in the order of the seeds (.npy .idx .json .txt); folders: by the names of the folders they lie in; column: the last column of the seeds themselves, column=0 the first',
    defaultText: 'none',
  }),
  range: withFlag(ranges.optional(), {
    flags: '--range <lo,hi...>',
    help: 'legal values of the inputs; name=lo,hi for one input',
    defaultText: 'from the seeds; without any from the graph, as a division by 255 says them, else 0,1',
    example: 'lo,hi',
  }),
  shape: withFlag(shapes.optional(), {
    flags: '--shape <sizes...>',
    help: 'sizes of an input that the model leaves open, as 1,128; name=1,128 for one of several inputs',
    defaultText: 'from the seeds; without any the first that the model runs on',
    example: '1,128',
  }),
  preprocess: z
    .record(z.string(), preprocessSettings)
    .optional()
    .meta({ help: 'by input: what stands between a picture and its values' }),
  table: withFlag(z.union([tableColumns, z.record(z.string(), tableColumns)]).optional(), {
    flags: '--table <kind...>',
    help: 'auto: kinds of columns from the seeds; none: plain numbers; name=auto for one input. A campaign file lists columns',
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
