import type * as ort from 'onnxruntime-node';
import type { BodyTensor } from '../../graph/graph.ts';
import type { Finiteness, FinitenessVerdicts } from '../../model.ts';
import { flagInBodies } from './control-flow/flag-bodies.ts';
import { appendGraph } from './expose-tensors.ts';
import { firstNumber } from './ort-tensor.ts';
import { ATTRIBUTE_TYPE } from './proto.ts';

/** Results of a run, by the names of the outputs. */
type RunResults = Readonly<Record<string, ort.Tensor>>;

/** A model that tells which of its tensors are finite. */
export interface FlaggedTensors {
  readonly bytes: Uint8Array;
  /** Outputs to ask for. */
  readonly outputs: readonly string[];
  read(results: RunResults): FinitenessVerdicts;
}

/**
 * Flags floating-point tensors of an ONNX file.
 *
 * @param bodyTensors those that are in bodies
 */
export function flagTensors(
  bytes: Uint8Array,
  tensors: readonly string[],
  bodyTensors: ReadonlyMap<string, BodyTensor>,
): FlaggedTensors {
  const main = tensors.filter((name) => !bodyTensors.has(name));
  const flagNames = main.map((_, i) => flagOutputNames(i));
  const inBodies = flagInBodies(
    bytes,
    tensors.filter((name) => bodyTensors.has(name)),
  );
  const vectors = inBodies.levels.flatMap(({ first, firstNan }) => [first, firstNan]);
  return {
    bytes: flagOnnxTensors(inBodies.bytes, main, vectors),
    outputs: [...flagNames.flat(), ...vectors],
    read: (results) => {
      const isSet = (name: string): boolean => Number.isNaN(firstNumber(results[name]));
      const first = new Map<string, Finiteness>();
      main.forEach((tensor, i) => {
        const [nonFinite, nan] = flagNames[i];
        first.set(tensor, !isSet(nonFinite) ? 'finite' : isSet(nan) ? 'nan' : 'inf');
      });
      const firstNan = new Map(first);
      for (const levels of inBodies.levels)
        levels.tensors.forEach((tensor, i) => {
          first.set(tensor, verdictOf(results[levels.first], i));
          firstNan.set(tensor, verdictOf(results[levels.firstNan], i));
        });
      return { first, firstNan };
    },
  };
}

function verdictOf({ data }: ort.Tensor, index: number): Finiteness {
  const level = Number(data[index]);
  return level > 1 ? 'nan' : level > 0 ? 'inf' : 'finite';
}

/** Names of the two flag outputs of the tensor at an index. */
function flagOutputNames(index: number): readonly [nonFinite: string, nan: string] {
  return [`neurofuzz_nonfinite_${index}`, `neurofuzz_nan_${index}`];
}

/**
 * The same ONNX file with two scalar outputs for each tensor. The sum of the tensor minus itself is NaN unless all of it
 * is finite; the sum of its magnitudes is NaN only if it holds a NaN. Every version of the operators has this form.
 *
 * @param further other tensors that become outputs
 */
function flagOnnxTensors(
  bytes: Uint8Array,
  tensors: readonly string[],
  further: readonly string[],
): Uint8Array {
  const output: object[] = further.map((name) => ({ name }));
  const node: object[] = [];
  tensors.forEach((name, index) => {
    const [nonFinite, nan] = flagOutputNames(index);
    const addSum = (opType: string, input: readonly string[], flag: string): void => {
      const part = `${flag}_part`;
      node.push({ opType, name: part, input, output: [part] });
      const attribute = [{ name: 'keepdims', i: 0, type: ATTRIBUTE_TYPE.int }];
      node.push({ opType: 'ReduceSum', name: flag, input: [part], output: [flag], attribute });
      output.push({ name: flag });
    };
    addSum('Sub', [name, name], nonFinite);
    addSum('Abs', [name], nan);
  });
  return appendGraph(bytes, { node, output });
}
