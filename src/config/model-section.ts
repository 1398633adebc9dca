import * as z from 'zod';
import { positiveInteger, withFlag } from './flag-meta.ts';
import { duration, size } from './values.ts';

/** Token as its id or its text, in which a flag may write a line break as \n. */
const token = z.union([z.int(), z.string().min(1).meta({ text: 'escaped' })]);
const tokenList = z.union([token, z.array(token)]).transform((value) => [value].flat());

/** Upper bound of the tokens of an answer: a run with more would take unreasonably long. */
const MAX_ANSWER_TOKENS = 65_536;

/** How a language model completes prompts. */
const generateSettings = z.strictObject({
  vocabulary: z
    .string('must name a vocabulary: a JSON list of tokens, a tokenizer.json, or codepoints')
    .min(1)
    .meta({
      help: 'a JSON list of tokens, a JSON map of tokens to ids, a text file with one token per line, or a Hugging Face tokenizer.json; codepoints: ids are Unicode characters',
    }),
  length: positiveInteger
    .max(MAX_ANSWER_TOKENS, `must be at most ${MAX_ANSWER_TOKENS}`)
    .default(64)
    .meta({ help: 'maximum number of tokens of an answer' }),
  temperature: z
    .number('must be a number')
    .min(0, 'must be 0 or more')
    .default(0)
    .meta({ help: 'divisor of the logits before a token is sampled; 0: greedy' }),
  topK: positiveInteger
    .optional()
    .meta({ help: 'number of most likely tokens to sample from', defaultText: 'all' }),
  seed: z
    .union([z.string().min(1), z.number()])
    .transform(String)
    .default('1')
    .meta({ help: 'seed of the sampling: with the same seed, a prompt always gets the same answer' }),
  start: tokenList.default([]).meta({ help: 'tokens put before every prompt, by id or by text' }),
  end: tokenList.default([]).meta({ help: 'tokens that end an answer' }),
  prompts: z.enum(['lines', 'files']).optional().meta({
    help: 'whether each line of a .txt file is a prompt, or the whole file',
    defaultText: 'a line; in a folder, a file',
  }),
  promptLength: z
    .tuple([positiveInteger, positiveInteger])
    .refine(
      ([least, most]) => least <= most,
      'must be the minimum and maximum number of tokens of a prompt, such as 1,128',
    )
    .optional()
    .meta({
      help: 'minimum and maximum number of tokens of a prompt',
      defaultText: 'from 1 to the longest seed',
    }),
  tokens: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'the input of tokens', defaultText: 'found by type and name' }),
  logits: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'the output of logits', defaultText: 'found by its size' }),
  states: z.record(z.string(), z.string().min(1)).optional().meta({
    help: 'for each state input, the output that feeds it in the next step',
    defaultText: 'inferred from names, such as h_in and h_out, past_key_values.0.key and present.0.key',
  }),
});

/** Most lanes of a sum: each is a part of every step. */
const MAX_LANES = 64;

/** How half precision is emulated. */
const halfSettings = z.strictObject({
  accumulate: z.enum(['float32', 'float16', 'bfloat16']).default('float32').meta({
    help: 'type to which each partial sum of MatMul, Gemm, Conv, ReduceSum, ReduceMean and GlobalAveragePool is rounded; float32: only the result is rounded',
  }),
  lanes: positiveInteger
    .max(MAX_LANES, `must be at most ${MAX_LANES}`)
    .refine((lanes) => Number.isInteger(Math.log2(lanes)), 'must be a power of two')
    .default(1)
    .meta({
      help: 'number of sums added up in parallel: term k goes to sum k modulo lanes, then the sums are added pairwise',
    }),
  block: positiveInteger.optional().meta({
    help: 'number of terms added in single precision before a partial sum is rounded',
    defaultText: '1; for sums of more than 4096 terms per lane, the number that leaves 4096 steps',
  }),
});

export type GenerateSettings = z.output<typeof generateSettings>;

/** The model, how it is loaded and what it generates. */
export const modelSection = {
  model: z
    .string()
    .min(1)
    .optional()
    .meta({ help: 'saved model: an .onnx file, a TensorFlow.js model.json or a SavedModel folder' }),
  runtime: withFlag(z.enum(['auto', 'tensorflow', 'wasm', 'cpu', 'onnx']).default('auto'), {
    flags: '--runtime <kind>',
    help: 'tensorflow, wasm or cpu for TensorFlow.js models; tensorflow for SavedModels; onnx for ONNX models',
  }),
  signature: withFlag(z.string().min(1).optional(), {
    flags: '--signature <name>',
    help: 'signature of a SavedModel to run',
    defaultText: 'serving_default, or the only one',
  }),
  tags: withFlag(z.array(z.string().min(1)).min(1).optional(), {
    flags: '--tags <tag...>',
    help: "tags of the SavedModel's graph to load",
    defaultText: 'serve',
  }),
  generate: withFlag(generateSettings.optional(), {
    flags: '--generate <setting...>',
    help: 'complete prompts with a language model: vocabulary=FILE length=64 temperature=0.7 topK=40 end=TOKEN; states=IN=OUT connects a recurrent or cache output to its input. docs/text.md lists all settings',
    defaultText: 'off',
    example: 'length=64',
  }),
  half: withFlag(z.union([z.enum(['auto', 'off']), halfSettings]).optional(), {
    flags: '--half <setting...>',
    help: 'emulate half precision, in an ONNX model of float16 or bfloat16 tensors and in the copy of --quantize float16: accumulate=float32 or float16 sets the type of sums. auto: emulate if the model computes in half precision, rounding each result; off: compute in single precision, as ONNX Runtime does',
    defaultText: 'auto',
    example: 'accumulate=float16',
  }),
};

/** Processes that run a model, and their limits. */
export const resourceSection = {
  jobs: withFlag(positiveInteger.max(1024, 'must be 1024 or less').optional(), {
    flags: '-j, --jobs <n>',
    help: 'number of worker processes; affects speed only',
    defaultText: 'all cores',
  }),
  timeout: withFlag(duration.default('30s'), {
    flags: '--timeout <duration>',
    help: 'time limit of one run of the model; a run that takes longer is a hang finding',
  }),
  memory: withFlag(size.optional(), {
    flags: '--memory <size>',
    help: 'memory limit of a worker, such as 2GB; a run that takes more is a memory finding',
    defaultText:
      "4GB plus an allowance for the sizes of model and input; at most a worker's share of four fifths of the machine's memory",
  }),
  batch: withFlag(positiveInteger.max(65_536, 'must be 65536 or less').optional(), {
    flags: '--batch <n>',
    help: 'mutants per run of the model',
    defaultText: 'by the sizes of the input and of the largest tensor',
  }),
};

const modelSchema = z.object({ ...modelSection, ...resourceSection });

/** Settings to load and run one model. */
export type ModelConfig = z.output<typeof modelSchema>;
