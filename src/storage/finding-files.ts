import type { PairOutputs } from '../evaluation/rerun-testcase.ts';
import type { NamedTensor } from '../model/model.ts';
import { decodeNpz, encodeNpz } from '../tensor/npz.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What both runs gave for a finding of two models, or of a testcase and the same one changed. */
export const OUTPUTS_FILE = 'outputs.npz';

/** The testcase as its objective has it changed for a second run. */
export const TRANSFORMED_FILE = 'changed.npz';

/** Another testcase of its shape: what the time of a run is compared with. */
export const REFERENCE_FILE = 'reference.npz';

/** A prompt and the model's answer for people to read, with what breaks the rule marked. */
export const ANSWER_FILE = 'answer.txt';

/** Arrays of the file by whose outputs they are; the second model's are named `copy`. */
const OUTPUT_PREFIXES = { reference: 'reference', second: 'copy' } as const;

/** What both models gave, as .npz: an array `reference/<output>` and one `copy/<output>` each. */
export function encodeOutputs(outputs: PairOutputs): Uint8Array {
  return encodeNpz(
    (['reference', 'second'] as const).flatMap((side) =>
      outputs[side].map(({ name, type, shape, data }): [string, Tensor] => [
        `${OUTPUT_PREFIXES[side]}/${name}`,
        { type, shape, data },
      ]),
    ),
  );
}

/**
 * Reads back what `encodeOutputs` wrote.
 *
 * @throws UserError where the file is damaged
 */
export function decodeOutputs(bytes: Uint8Array, source: string): PairOutputs {
  const arrays = [...decodeNpz(bytes, source)];
  const of = (side: string): NamedTensor[] =>
    arrays.flatMap(([name, tensor]) =>
      name.startsWith(`${side}/`) ? [{ name: name.slice(side.length + 1), ...tensor }] : [],
    );
  return { reference: of(OUTPUT_PREFIXES.reference), second: of(OUTPUT_PREFIXES.second) };
}
