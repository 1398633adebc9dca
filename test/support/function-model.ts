import type { Model, NamedTensor } from '../../src/model/model.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** A model that is a function of its feeds; it gives every tensor by name, and those that are outputs or watched count. */
export function functionModel(
  parts: Partial<Model> & Pick<Model, 'inputs' | 'outputs'>,
  compute: (feeds: readonly Tensor[]) => readonly NamedTensor[],
): Model {
  return {
    path: 'function',
    format: 'onnx',
    sha256: '',
    runtime: { kind: 'onnx', version: '', device: 'CPU', threads: 1, why: '' },
    graph: {
      nodes: [],
      inputs: parts.inputs.map(({ name }) => name),
      outputs: parts.outputs,
      constants: new Map(),
      values: new Map(),
      shapes: new Map(),
      types: new Map(),
    },
    watchable: parts.outputs,
    capabilities: {},
    async run(feeds, watched) {
      const tensors = new Map(compute(feeds).map((tensor) => [tensor.name, tensor]));
      const pick = (name: string): NamedTensor => {
        const tensor = tensors.get(name);
        if (tensor === undefined) throw new Error(`no tensor ${name}`);
        return tensor;
      };
      return { outputs: parts.outputs.map(pick), activations: watched.map(pick) };
    },
    constant: () => undefined,
    async dispose() {},
    ...parts,
  };
}
