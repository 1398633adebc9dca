import type { PairOutputs } from '../evaluation/pair-outputs.ts';
import type { NamedTensor } from '../model/model.ts';
import { decodeNpz, encodeNpz } from '../tensor/npz.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** The finding's record; the other files are listed by `renderFindingArtifacts`. */
export const FINDING_FILE = 'finding.json';

/** The record of a fault, one folder above its findings. */
export const SIGNATURE_FILE = 'signature.json';

/** The testcase. */
export const INPUT_FILE = 'input.npz';

/** The whole batch, of a finding that reproduces only within it. */
export const BATCH_FILE = 'batch.npz';

/** Outputs of both models, or of the testcase and its transform. */
export const OUTPUTS_FILE = 'outputs.npz';

/** Of a minimized finding: which values of the testcase its fault depends on. */
export const ROLES_FILE = 'value-roles.npz';

/** The testcase after the metamorphic transform. */
export const TRANSFORMED_FILE = 'changed.npz';

/** A testcase of the same shape whose run time is the reference. */
export const REFERENCE_FILE = 'reference.npz';

/** The testcase and its transform as images. */
export const INPUT_PICTURE_FILE = 'input.png';
export const TRANSFORMED_PICTURE_FILE = 'changed.png';

/** The latent vector that the testcase was decoded from. */
export const LATENT_FILE = 'latent.npy';

/** The testcase decoded to text. */
export const TEXT_FILE = 'input.txt';

/** A prompt and the model's answer, with the violating part marked. */
export const ANSWER_FILE = 'answer.txt';

/** Prefixes of the array names in outputs.npz. `copy` is the second model or the transformed testcase. */
const OUTPUT_PREFIXES = { reference: 'reference', second: 'copy' } as const;

/** Encodes the outputs of both runs as .npz: for each output an array `reference/<output>` and an array `copy/<output>`. */
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
 * Decodes what `encodeOutputs` wrote.
 *
 * @param source path of the file, for error messages
 * @throws UserError if the file is damaged
 */
export function decodeOutputs(bytes: Uint8Array, source: string): PairOutputs {
  const arrays = [...decodeNpz(bytes, source)];
  const withPrefix = (prefix: string): NamedTensor[] =>
    arrays.flatMap(([name, tensor]) =>
      name.startsWith(`${prefix}/`) ? [{ name: name.slice(prefix.length + 1), ...tensor }] : [],
    );
  return { reference: withPrefix(OUTPUT_PREFIXES.reference), second: withPrefix(OUTPUT_PREFIXES.second) };
}
