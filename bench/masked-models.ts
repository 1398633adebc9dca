import { OnnxBuilder } from '../src/model/formats/onnx/builder.ts';
import { ModelProto } from '../src/model/formats/onnx/proto.ts';

/** Defences that hide gradients or answer at random, without making a network more robust. */
export const MASKS = ['rounded-input', 'scaled-logits', 'rounded-logits', 'noisy-input'] as const;

export type Mask = (typeof MASKS)[number];

/** Steps of a rounded input and of rounded logits, factor of logits, and standard deviation of the noise. */
const INPUT_STEP = 0.25;
const LOGIT_STEP = 0.5;
const FACTOR = 200;
const NOISE = 0.25;

/** A node as a file has it. */
interface Node {
  name: string;
  input: string[];
  output: string[];
}

interface File {
  graph: {
    node: Node[];
    initializer: unknown[];
    input: { name: string }[];
    output: { name: string }[];
  };
}

/**
 * A copy of an ONNX classifier behind such a defence.
 *
 * @param file a model of one input and one output of float32
 */
export function masked(file: Uint8Array, mask: Mask): Uint8Array {
  const model = ModelProto.decode(file) as unknown as File;
  const { graph } = model;
  const [{ name: input }] = graph.input;
  const [{ name: output }] = graph.output;
  const added = new OnnxBuilder();
  const isBefore = mask === 'rounded-input' || mask === 'noisy-input';
  const hidden = `${isBefore ? input : output}/plain`;
  const rename = (name: string): string => (name === (isBefore ? input : output) ? hidden : name);
  for (const node of graph.node) {
    node.input = node.input.map(rename);
    if (isBefore) continue;
    node.output = node.output.map(rename);
    node.name = rename(node.name);
  }
  if (mask === 'rounded-input') round(added, input, hidden, INPUT_STEP);
  if (mask === 'rounded-logits') round(added, hidden, output, LOGIT_STEP);
  if (mask === 'scaled-logits') added.node('Mul', [hidden, scalar(added, 'factor', FACTOR)], output);
  if (mask === 'noisy-input') {
    added.node('RandomNormalLike', [input], 'noise', { scale: { float: NOISE } });
    added.node('Add', [input, 'noise'], hidden);
  }
  const { node, initializer } = added.graph('') as unknown as Pick<File['graph'], 'node' | 'initializer'>;
  graph.node = isBefore ? [...node, ...graph.node] : [...graph.node, ...node];
  graph.initializer = [...graph.initializer, ...initializer];
  return ModelProto.encode(ModelProto.fromObject(model)).finish();
}

function round(graph: OnnxBuilder, from: string, to: string, step: number): void {
  graph.node('Div', [from, scalar(graph, 'step', step)], 'steps');
  graph.node('Round', ['steps'], 'whole');
  graph.node('Mul', ['whole', 'step'], to);
}

function scalar(graph: OnnxBuilder, name: string, value: number): string {
  return graph.constant(name, 'float32', [1], Float32Array.of(value));
}
