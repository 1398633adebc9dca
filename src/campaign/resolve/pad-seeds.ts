import type { Seeds } from '../../inputs/seeds.ts';
import { makeTestcaseInput, type ShapeSignature, shapeSignatureOf } from '../../model/testcase-batch.ts';
import { copyInto, makeData, writeNumber } from '../../tensor/tensor.ts';
import type { TokenPlan } from './tokens.ts';

/**
 * Pads token inputs that have a padding id to one length, the longest seed's or the most tokens allowed, so that texts of
 * all lengths share a shape. Other inputs are left as they are.
 */
export function padSeeds(
  seeds: Seeds,
  tokens: readonly (Pick<TokenPlan, 'padId' | 'length'> | undefined)[],
): Seeds {
  if (tokens.every((plan) => plan?.padId === undefined)) return seeds;
  const paddings = tokens.map((plan, i) =>
    plan?.padId === undefined
      ? undefined
      : {
          padId: plan.padId,
          length: seeds.reduce((most, { inputs }) => Math.max(most, inputs[i].length), plan.length?.[1] ?? 1),
        },
  );
  const shapes = new Map<string, ShapeSignature>();
  return seeds.map(({ form, inputs }) => {
    const padded = shapeSignatureOf(
      form.inputs.map((input, i) => {
        const padding = paddings[i];
        return padding === undefined ? input : makeTestcaseInput(input, [padding.length]);
      }),
    );
    const shared = shapes.get(padded.key) ?? padded;
    shapes.set(shared.key, shared);
    return {
      form: shared,
      inputs: inputs.map((values, i) => {
        const padding = paddings[i];
        if (padding === undefined) return values;
        const { type } = form.inputs[i];
        const longer = makeData(type, padding.length);
        copyInto(longer, values, 0);
        for (let k = values.length; k < padding.length; k++) writeNumber(type, longer, k, padding.padId);
        return longer;
      }),
    };
  });
}
