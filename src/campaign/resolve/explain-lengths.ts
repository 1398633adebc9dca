import type { InputConfig } from '../../config/schema.ts';
import type { LengthChanges } from '../../fuzzer/generation/length-changes.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { InputSpec } from '../../model/model.ts';
import { shapeText } from '../../tensor/tensor.ts';
import type { Notices } from './model-settings.ts';

/** Shapes of seeds named in a line. */
const MAX_NAMED_SHAPES = 4;

/**
 * Says which sizes of inputs that the model leaves open are tried, where those are the sizes of the seeds: a model may fail
 * on shorter or longer inputs.
 *
 * @param inputs without the batch dimension
 */
export function explainLengths(
  inputs: readonly InputSpec[],
  seeds: Seeds,
  lengthChanges: LengthChanges | undefined,
  { tokens }: Pick<InputConfig, 'tokens'>,
  notices: Notices,
): void {
  inputs.forEach(({ name, shape }, i) => {
    if (!shape.includes(null) || lengthChanges?.followers.includes(i) === true) return;
    if (i !== lengthChanges?.leader) {
      const shapes = [...new Set(seeds.map(({ form }) => shapeText(form.inputs[i].shape)))];
      const more = shapes.length > MAX_NAMED_SHAPES ? ` and ${shapes.length - MAX_NAMED_SHAPES} more` : '';
      notices.info(
        `input ${name} keeps the sizes of its seeds, ${shapes.slice(0, MAX_NAMED_SHAPES).join(', ')}${more}, and the model leaves others open: add seeds of other sizes, the shortest among them, to try those`,
      );
    } else if (tokens?.[name]?.length === undefined) {
      const { minLength, maxLength } = lengthChanges;
      notices.info(
        `input ${name} has ${minLength} to ${maxLength} tokens in mutants, no more than the longest seed: tokens.${name}.length in the campaign file tries others`,
      );
    }
  });
}
