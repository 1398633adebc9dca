import { randomStream } from '../core/random.ts';
import type { InputSpec } from '../model/model.ts';
import { type DrawnValues, drawSeeds } from './draw-seeds.ts';
import { type InferredInput, seedValues } from './infer-input.ts';
import type { TrySizes } from './open-sizes.ts';
import type { Seeds } from './seeds.ts';
import type { DrawnStrings } from './strings/draw-strings.ts';

/** A testcase like a drawn seed, the same each time. @param inputs with the batch dimension and no other open size */
function trialTestcase(
  inputs: readonly InputSpec[],
  inferredInputs: readonly InferredInput[],
): Seeds[number] {
  const stringsOf = (i: number): DrawnStrings | undefined => {
    const { strings } = inputs[i];
    return strings && { words: strings.pool, areTexts: strings.areTexts };
  };
  const valuesOf = (i: number): DrawnValues => seedValues(inferredInputs[i]);
  const [testcase] = drawSeeds(inputs, valuesOf, 1, randomStream('trial'), stringsOf);
  return testcase;
}

/** Tries sizes by running one drawn testcase of them. @param run gives the failure's message, undefined for none */
export function tryOnDrawnTestcase(
  inferredInputs: readonly InferredInput[],
  run: (testcase: Seeds[number]) => Promise<string | undefined>,
): TrySizes {
  return (inputs) => run(trialTestcase(inputs, inferredInputs));
}
