import { type AttackContext, type AttackedInput, AttackedValues } from '../attacks/attack.ts';
import { ModelOracle } from '../attacks/run-attack.ts';
import { drawNormal, type Random, randomStream } from '../core/random.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { batchLayout } from '../model/batch-axis.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import { OnnxBuilder } from '../model/formats/onnx/builder.ts';
import { DATA_TYPE } from '../model/formats/onnx/tensor.ts';
import type { InputSpec } from '../model/model.ts';
import type { TestcaseInput } from '../model/testcase-batch.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import { readNumber } from '../tensor/tensor.ts';
import { addLoss, GraphTrainer, type TrainedWeight } from './graph-trainer.ts';

/** Hidden layers, mutants that the model answers, steps of Adam and mutants in each, and its rate. */
const HIDDEN = [256, 128] as const;
const MUTANTS = 3000;
const STEPS = 300;
const ROWS = 100;
const RATE = 1e-3;

/** Most values of an input that a dense network is trained on. */
const MAX_VALUES = 16_384;

/** What a surrogate is trained on. Plain data, sent between processes. */
export interface SurrogateRequest {
  /** Inputs whose mutants the model answers. */
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  readonly context: AttackContext;
  readonly classes: number;
  /** Largest change of a value by most mutants. */
  readonly amplitude: number;
}

/** Why no surrogate can be trained on such inputs; undefined where one can. */
export function surrogateRefusal(
  specs: readonly InputSpec[],
  inputs: readonly AttackedInput[],
  position: number,
): string | undefined {
  const [{ data }] = inputs;
  const { size } = data.form.inputs[position];
  if (size > MAX_VALUES) return `the input has more than ${MAX_VALUES} values`;
  if (inputs.some((input) => input.data.form.key !== data.form.key)) return 'the inputs differ in shape';
  if (specs.some(({ strings }) => strings !== undefined)) return 'the model takes strings';
  if (batchLayout(specs).positions[position] !== 0) return 'the batch is not the first dimension';
  return undefined;
}

/**
 * Trains a dense network with Adam on the answers of the model to mutants of its inputs: a model to attack in its place
 * (Papernot, McDaniel, Goodfellow, Jha, Celik & Swami 2017).
 *
 * @param maxRows mutants in one run of the model
 * @param onProgress called with the share of the work that is done
 * @returns an ONNX file that takes the inputs of the model and gives logits
 * @throws Error where the runtime fails
 */
export async function trainSurrogate(
  model: BatchedModel,
  { inputs, rule, context, classes, amplitude }: SurrogateRequest,
  maxRows: number,
  onProgress: (share?: number) => void,
): Promise<Uint8Array> {
  const { position } = context;
  const random = randomStream(context.seed, 'surrogate');
  const mutants = drawMutants(inputs, context, amplitude, random);
  const oracle = new ModelOracle(model, { rule, context, maxRows }, () => onProgress());
  const answers = await oracle.ask(mutants.map((data) => ({ data, label: 0 })));
  const answered = mutants.flatMap((data, i) =>
    answers[i].predicted < 0 ? [] : [{ data, predicted: answers[i].predicted }],
  );
  if (answered.length === 0) throw new Error('the model answers no mutant');
  const { type, size } = inputs[0].data.form.inputs[position];
  const network = new DenseNetwork([size, ...HIDDEN, classes], scaleOf(context), random);
  const trainer = await GraphTrainer.open(network.trainingGraph(), network.weights, RATE);
  try {
    for (let step = 0; step < STEPS; step++) {
      const rows = new Float32Array(ROWS * size);
      const wanted = new Float32Array(ROWS * classes);
      for (let row = 0; row < ROWS; row++) {
        const { data, predicted } = answered[random.below(answered.length)];
        for (let i = 0; i < size; i++) rows[row * size + i] = readNumber(type, data.inputs[position], i);
        wanted[row * classes + predicted] = 1;
      }
      await trainer.descend([
        { type: 'float32', shape: [ROWS, size], data: rows },
        { type: 'float32', shape: [ROWS, classes], data: wanted },
      ]);
      onProgress((step + 1) / STEPS);
    }
  } finally {
    await trainer.dispose();
  }
  return network.graph(inputs[0].data.form.inputs, position, model);
}

/** Inputs with noise of up to twice the amplitude, every third one mixed with another input. */
function drawMutants(
  inputs: readonly AttackedInput[],
  context: AttackContext,
  amplitude: number,
  random: Random,
): TestcaseData[] {
  const values = new AttackedValues(context);
  return Array.from({ length: MUTANTS }, (_, k) => {
    const { data } = inputs[k % inputs.length];
    const mutant = values.valuesOf(data);
    const bounds = values.boundsAround(data);
    if (k % 3 === 2) {
      const other = values.valuesOf(inputs[random.below(inputs.length)].data);
      const share = random.uniform() / 2;
      for (let i = 0; i < mutant.length; i++) mutant[i] += share * (other[i] - mutant[i]);
    }
    const most = amplitude * 2 * random.uniform();
    for (let i = 0; i < mutant.length; i++) mutant[i] += most * (2 * random.uniform() - 1);
    return values.withValues(data, mutant, bounds);
  });
}

/** Middle and half width of the range, which the network sees as −1 to 1. */
function scaleOf({ descriptor: { range } }: AttackContext): {
  readonly middle: number;
  readonly half: number;
} {
  return { middle: (range.low + range.high) / 2, half: (range.high - range.low) / 2 || 1 };
}

/** A dense network with relu. */
class DenseNetwork {
  /** Weights and biases of the layers, in turn. */
  readonly weights: readonly TrainedWeight[];
  readonly #sizes: readonly number[];
  readonly #scale: ReturnType<typeof scaleOf>;

  /** @param sizes of the layers, that of the input first */
  constructor(sizes: readonly number[], scale: ReturnType<typeof scaleOf>, random: Random) {
    this.#sizes = sizes;
    this.#scale = scale;
    this.weights = sizes.slice(1).flatMap((width, i) => {
      const deviation = Math.sqrt(2 / sizes[i]);
      const values = Float32Array.from({ length: sizes[i] * width }, () => deviation * drawNormal(random));
      return [
        { name: `w${i}`, shape: [sizes[i], width], values },
        { name: `b${i}`, shape: [width], values: new Float32Array(width) },
      ];
    });
  }

  /** A graph whose inputs are a batch, the wanted classes and the weights, and whose output is the mean cross-entropy. */
  trainingGraph(): Uint8Array {
    const graph = new OnnxBuilder();
    const x = graph.input('x', 'float32', [ROWS, this.#sizes[0]]);
    const wanted = graph.input('wanted', 'float32', [ROWS, this.#sizes[this.#sizes.length - 1]]);
    for (const { name, shape } of this.weights) graph.input(name, 'float32', shape);
    addLoss(graph, this.#layers(graph, x), wanted, ROWS);
    return graph.finish('training', 17);
  }

  /** The network as a file that takes all inputs of a model and looks at one. */
  graph(inputs: readonly TestcaseInput[], position: number, { model }: BatchedModel): Uint8Array {
    const graph = new OnnxBuilder();
    const isWhole = (i: number): boolean => inputs[i].shape.length === model.inputs[i].shape.length;
    inputs.forEach(({ name, type, shape }, i) => {
      graph.input(name, type, isWhole(i) ? shape : ['batch', ...shape]);
    });
    const { name, type, size } = inputs[position];
    const flat = graph.constant('flat', 'int64', [2], BigInt64Array.of(-1n, BigInt(size)));
    const numbers =
      type === 'float32' ? name : graph.node('Cast', [name], 'numbers', { to: DATA_TYPE.float32 });
    const rows = graph.node('Reshape', [numbers, flat], 'rows');
    for (const { name: weight, shape, values } of this.weights)
      graph.constant(weight, 'float32', shape, values);
    this.#layers(graph, rows);
    graph.output('logits', 'float32', [isWhole(position) ? 1 : 'batch', this.#sizes[this.#sizes.length - 1]]);
    return graph.finish('surrogate', 17);
  }

  #layers(graph: OnnxBuilder, rows: string): string {
    const { middle, half } = this.#scale;
    graph.node('Sub', [rows, scalar(graph, 'middle', middle)], 'centred');
    let values = graph.node('Div', ['centred', scalar(graph, 'half', half)], 'scaled');
    const last = this.#sizes.length - 2;
    for (let i = 0; i <= last; i++) {
      values = graph.node('Gemm', [values, `w${i}`, `b${i}`], i === last ? 'logits' : `sum${i}`);
      if (i < last) values = graph.node('Relu', [values], `hidden${i}`);
    }
    return values;
  }
}

function scalar(graph: OnnxBuilder, name: string, value: number): string {
  return graph.constant(name, 'float32', [1], Float32Array.of(value));
}
