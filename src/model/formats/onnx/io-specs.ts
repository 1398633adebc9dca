import type * as ort from 'onnxruntime-node';
import { UserError } from '../../../core/errors.ts';
import { type DType, isDType } from '../../../tensor/tensor.ts';
import type { Graph } from '../../graph/graph.ts';
import type { InputSpec, OmittedOutput } from '../../model.ts';
import type { StringFlow } from './string-flow.ts';

/**
 * Outputs of numbers, and of strings whose values are known.
 *
 * @throws UserError if there are none
 */
export function usableOutputs(
  metadata: readonly ort.InferenceSession.ValueMetadata[],
  { values }: StringFlow,
  path: string,
): { readonly usable: readonly string[]; readonly omitted: readonly OmittedOutput[] } {
  const usable: string[] = [];
  const omitted: OmittedOutput[] = [];
  for (const output of metadata) {
    const { name } = output;
    const type = output.isTensor ? output.type : 'no tensor';
    if (isDType(type) || values.has(name)) usable.push(name);
    else omitted.push({ name, reason: type === 'string' ? FREE_STRINGS : `it is ${type}` });
  }
  if (usable.length === 0)
    throw new UserError(
      `${path} has no output of numbers or of named classes, so there is nothing to check (${omitted.map(({ name, reason }) => `${name}: ${reason}`).join('; ')})`,
    );
  return { usable, omitted };
}

/** Reason to leave out an output of strings. */
const FREE_STRINGS = 'it holds strings, and the graph does not list them';

/** @throws UserError if the input is no tensor of numbers or strings */
export function inputSpec(
  metadata: ort.InferenceSession.ValueMetadata,
  { pools }: StringFlow,
  path: string,
): InputSpec {
  const { name } = metadata;
  const type = metadata.isTensor ? metadata.type : 'no tensor';
  const isString = type === 'string';
  if (!metadata.isTensor || !(isString || isDType(type)))
    throw new UserError(`${path}: input ${name} is ${type}; only inputs of numbers or strings can be fuzzed`);
  const shape = metadata.shape.map((dimension) => (typeof dimension === 'number' ? dimension : null));
  return isString
    ? {
        name,
        type: 'uint32',
        shape: [...shape, null],
        ...stringDimensions(metadata),
        strings: pools.get(name) ?? { pool: [], areTexts: false },
      }
    : { name, type: type as DType, shape, ...dimensionNames(metadata) };
}

/** The same for an input of strings, whose last dimension is the length of a string. */
function stringDimensions(metadata: ort.InferenceSession.TensorValueMetadata): Pick<InputSpec, 'dimensions'> {
  const { dimensions } = dimensionNames(metadata);
  return dimensions === undefined ? {} : { dimensions: [...dimensions, null] };
}

/** Names that exporters write for any size that they don't know: equal ones say nothing. */
const UNKNOWN_SIZE_PATTERN = /^(?:\?|none|unk|unknown|-1)?$/i;

/** Names of the free dimensions; empty where none has one. */
function dimensionNames({ shape }: ort.InferenceSession.TensorValueMetadata): Pick<InputSpec, 'dimensions'> {
  const dimensions = shape.map((size) =>
    typeof size === 'string' && !UNKNOWN_SIZE_PATTERN.test(size) ? size : null,
  );
  return dimensions.every((dimension) => dimension === null) ? {} : { dimensions };
}

/** A graph in which tensors of strings with known values have the type of their indices, as runs give them. */
export function withIndexTypes(graph: Graph, { values }: StringFlow): Graph {
  if (values.size === 0) return graph;
  const indices = [...values.keys()].map((name): [string, DType] => [name, 'int32']);
  return { ...graph, types: new Map([...graph.types, ...indices]) };
}
