import { editDistance } from '../../constraints/edit-distance.ts';
import { plural } from '../../core/format-number.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES } from '../../tensor/tensor.ts';
import { argmax, RowReader } from '../output-difference.ts';
import { lastAxisLength, type OutputPair } from '../output-pair.ts';
import { type ComparatorKind, chosenPairs, type Measurement, OUTPUT, refuseNone } from './comparator.ts';

const EDITS = {
  name: 'edits',
  help: 'maximum number of insertions, deletions and substitutions; default: 0 without share',
  min: 0,
  max: Number.POSITIVE_INFINITY,
  integer: true,
} as const;

const SHARE = {
  name: 'share',
  help: 'maximum number of edits as a share of the longer text',
  min: 0,
  max: 1,
} as const;

const END = {
  name: 'end',
  help: 'token that ends a text; later tokens are ignored',
  min: 0,
  max: 2 ** 31 - 1,
  integer: true,
} as const;

const PAD = {
  name: 'pad',
  help: 'token that is ignored; negative ids always are',
  min: 0,
  max: 2 ** 31 - 1,
  integer: true,
} as const;

/** Tokens that a message and a finding hold. */
const MAX_LISTED = 64;

/** Texts as sequences of tokens: ids, or the best of scores for each token of a vocabulary. */
export const tokens: ComparatorKind = {
  name: 'tokens',
  help: 'texts, by their edit distance in tokens',
  source: 'Levenshtein, Binary codes capable of correcting deletions, insertions, and reversals (1966)',
  parameters: [EDITS, SHARE, END, PAD],
  words: { output: OUTPUT },
  make(values, { words }) {
    const [share, end, pad] = [values(SHARE), values(END), values(PAD)];
    const edits = values(EDITS) ?? (share === undefined ? 0 : undefined);
    const [referenceReader, copyReader] = [new RowReader(), new RowReader()];
    const choose = (pairs: readonly OutputPair[]): readonly OutputPair[] => {
      const ids = chosenPairs(pairs, words.output, ({ type }) => DTYPES[type].kind === 'int');
      return ids.length > 0 ? ids : chosenPairs(pairs, words.output, hasScores);
    };
    return {
      name: 'tokens',
      refuses: (pairs) =>
        refuseNone(choose(pairs), pairs, words.output, 'an output of token ids, or of scores for each token'),
      measure: (pairs, row) =>
        choose(pairs).flatMap(({ reference, second }) => {
          const a = tokenIds(reference, referenceReader.read(reference, row), end, pad);
          const b = tokenIds(second, copyReader.read(second, row), end, pad);
          const distance = editDistance(a, b);
          const length = Math.max(1, a.length, b.length);
          const common = {
            output: reference.name,
            describe: (): ReturnType<Measurement['describe']> => ({
              summary: `the texts of ${reference.name} differ by ${plural(distance, 'edit')}; they have ${a.length} and ${b.length} tokens`,
              details: {
                edits: distance,
                share: distance / length,
                reference: a.slice(0, MAX_LISTED),
                copy: b.slice(0, MAX_LISTED),
              },
            }),
          };
          return [
            ...(edits === undefined ? [] : [{ ...common, distance, allowed: edits }]),
            ...(share === undefined ? [] : [{ ...common, distance: distance / length, allowed: share }]),
          ];
        }),
    };
  },
};

/** Whether a float output has scores for each token at each position. */
function hasScores(tensor: BatchTensor): boolean {
  return DTYPES[tensor.type].kind === 'float' && tensor.shape.length >= 2 && lastAxisLength(tensor) > 1;
}

/** The token ids of a text up to its end, without padding. */
function tokenIds(
  tensor: BatchTensor,
  values: Float64Array,
  end: number | undefined,
  pad: number | undefined,
): number[] {
  const ids: number[] = [];
  const step = DTYPES[tensor.type].kind === 'float' ? lastAxisLength(tensor) : 1;
  for (let from = 0; from < values.length; from += step) {
    const id = step === 1 ? values[from] : argmax(values, from, step);
    if (id === end) break;
    if (id >= 0 && id !== pad) ids.push(id);
  }
  return ids;
}
