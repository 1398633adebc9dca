import type { MutationConfig } from '../../config/schema.ts';
import { groupByInput } from '../../config/values.ts';
import { readDictionary } from '../../inputs/dictionary.ts';
import type { StringDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { DrawnStrings } from '../../inputs/strings/draw-strings.ts';
import type { InputSpec } from '../../model/model.ts';
import { makeTestcaseInput, type ShapeSignature, shapeSignatureOf } from '../../model/testcase-batch.ts';
import { codePointsOf, decodeStrings, encodeStrings } from '../../tensor/strings.ts';

/** What is known of an input of strings before seeds are read: the strings that graph and dictionary list, each once. */
export type StringPlan = DrawnStrings;

/** Fewest code points that a string may have room for, so that mutants may be longer than the seeds. */
const MIN_WIDTH = 16;

/** Room for mutants, as a multiple of the longest string. */
const HEADROOM = 1.5;

/** Largest room beyond the longest seed, since all strings are stored in that length. */
const MAX_HEADROOM = 1024;

/** Most listed strings that mutators get. */
const MAX_WORDS = 65_536;

/** Characters of words that nobody lists. */
const COMMON_CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,éßж中';

/**
 * Plans each input of strings; undefined for others.
 *
 * @throws UserError where a dictionary can't be read
 */
export async function planStrings(
  inputs: readonly InputSpec[],
  config: MutationConfig,
): Promise<(StringPlan | undefined)[]> {
  const { forAll, byName } = groupByInput(
    config.dictionary,
    inputs.map(({ name }) => name),
  );
  return Promise.all(
    inputs.map(async ({ name, strings }) => {
      if (strings === undefined) return undefined;
      const ownPath = byName.get(name);
      const paths = ownPath === undefined ? forAll : [ownPath];
      const listed = await Promise.all(paths.map(readDictionary));
      return { words: [...new Set([...strings.pool, ...listed.flat()])], areTexts: strings.areTexts };
    }),
  );
}

/** Pads the strings of all seeds to one length for each input, with room for longer ones. */
export function padStrings(seeds: Seeds, plans: readonly (StringPlan | undefined)[]): Seeds {
  if (plans.every((plan) => plan === undefined)) return seeds;
  const widths = plans.map((plan, i) => plan && widthOf(plan, seeds, i));
  const forms = new Map<string, ShapeSignature>();
  return seeds.map(({ form, inputs }) => {
    const padded = shapeSignatureOf(
      form.inputs.map((input, i) => {
        const width = widths[i];
        if (width === undefined) return input;
        const shape = [...input.shape.slice(0, -1), width];
        return { ...makeTestcaseInput(input, shape), isString: true };
      }),
    );
    const shared = forms.get(padded.key) ?? padded;
    forms.set(shared.key, shared);
    return {
      form: shared,
      inputs: inputs.map((values, i) => {
        const width = widths[i];
        if (width === undefined) return values;
        const { shape } = form.inputs[i];
        return encodeStrings(decodeStrings(values, shape[shape.length - 1]), shape.slice(0, -1), width).data;
      }),
    };
  });
}

/** Code points that strings of an input have room for. */
function widthOf({ words, areTexts }: StringPlan, seeds: Seeds, column: number): number {
  const longestSeed = stringsOf(seeds, column).reduce((most, text) => Math.max(most, text.length), 0);
  const longestWord = words.reduce((most, word) => Math.max(most, word.length), 0);
  const longest = Math.max(longestSeed, areTexts ? 4 * longestWord : longestWord);
  const room = Math.min(MAX_HEADROOM, Math.ceil(longest * (HEADROOM - 1)));
  return Math.max(MIN_WIDTH, longestSeed, Math.min(longest, longestSeed + MAX_HEADROOM) + room);
}

/** Describes an input's strings to mutators. @param column index of the input */
export function stringDescriptor(plan: StringPlan, seeds: Seeds, column: number): StringDescriptor {
  const [{ form }] = seeds;
  const { shape } = form.inputs[column];
  const width = shape[shape.length - 1];
  const seen = stringsOf(seeds, column);
  const areTexts = plan.areTexts || seen.some((text) => text.trim().includes(' '));
  const parts = areTexts ? seen.flatMap((text) => text.split(' ')) : seen;
  const words = [...new Set([...plan.words, ...parts])]
    .filter((word) => word !== '')
    .slice(0, MAX_WORDS)
    .map((word) => codePointsOf(word).slice(0, width));
  const alphabet = [...new Set([...words.flat(), ...codePointsOf(COMMON_CHARACTERS)])];
  return { width, words, alphabet, areTexts };
}

function stringsOf(seeds: Seeds, column: number): string[] {
  const all = seeds.flatMap(({ form, inputs }) => {
    const { shape } = form.inputs[column];
    return decodeStrings(inputs[column], shape[shape.length - 1]);
  });
  return [...new Set(all)];
}
