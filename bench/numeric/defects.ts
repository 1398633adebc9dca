import { TfjsBuilder, type TfjsFilesContent } from '../../src/model/formats/tfjs/builder.ts';
import type { DType } from '../../src/tensor/tensor.ts';
import { Pen } from './pen.ts';
import { type Score, writeScoreOnnx, writeScoreTfjs } from './score.ts';

/** A pen for defects behind a score. */
class ScorePen extends Pen {
  readonly score: string;

  constructor(score: Score) {
    super();
    this.score = writeScoreOnnx(this.graph, score);
  }

  /** factor · score. */
  scaled(factor: number): string {
    return this.op('Mul', [this.score, this.constant(factor)], 'scaled');
  }

  /** The score clipped at −1/2, for operations that fail on both sides. */
  oneSided(): string {
    return this.op('Max', [this.score, this.constant(-0.5)], 'one_sided');
  }

  /** factor · score, on one side. */
  scaledOneSided(factor: number): string {
    return this.op('Mul', [this.oneSided(), this.constant(factor)], 'scaled');
  }

  /** 1 − score: the remaining distance from the limit. */
  left(): string {
    return this.op('Sub', [this.constant(1), this.score], 'left');
  }

  /** Relu(r − score) for several r up to 1: all zero beyond the limit. `[batch, 6]` */
  units(): string {
    const apart = this.op('Sub', [this.constant([0.85, 0.9, 0.93, 0.96, 0.98, 1]), this.score], 'apart');
    return this.op('Relu', [apart], 'units');
  }
}

/** A planted defect, or its repair: adds the operations after the score and returns the output. */
type Write = (pen: ScorePen, repaired: boolean) => string;

/** The name of a model and its defect, which is in the operation `op` and must be attributed to it. */
export interface Defect {
  readonly name: string;
  /** Name of the defective operation. */
  readonly site: string;
  readonly opset?: number;
  readonly output?: DType;
  readonly write: Write;
}

const SUM_AXIS = [1];

/** 1000 divided by the number of whole hundredths left before the limit; infinite beyond it. */
function wholeNumbers(pen: ScorePen, op: 'Div' | 'Mod', name: string, repaired: boolean): string {
  const rest = pen.op('Relu', [pen.left()], 'rest');
  const hundreds = pen.op('Ceil', [pen.op('Mul', [rest, pen.constant(100)], 'hundreds')], 'ceil');
  const parts = pen.cast(hundreds, 'int32', 'parts');
  const divisor = repaired ? pen.op('Max', [parts, pen.constant(1, 'int32')], 'floor') : parts;
  return pen.cast(pen.op(op, [pen.constant(1000, 'int32'), divisor], name), 'float32', 'single');
}

/** All planted defects with their repairs: finite for scores below 1. */
export const DEFECTS: readonly Defect[] = [
  {
    name: 'log',
    site: 'log',
    write: (pen, ok) =>
      pen.op('Log', [ok ? pen.op('Max', [pen.left(), pen.constant(1e-6)], 'floor') : pen.left()], 'log'),
  },
  {
    name: 'log-softmax',
    site: 'log',
    write(pen, ok) {
      // Classes 80 and 20 away from one that rises with the score: the first underflows beyond a gap of 104.
      const classes = pen.op(
        'Add',
        [pen.op('Mul', [pen.score, pen.constant([104, 0, 20])], 'rise'), pen.constant([0, -1, 1])],
        'classes',
      );
      if (ok) return pen.op('LogSoftmax', [classes], 'log', { axis: 1 });
      return pen.op('Log', [pen.op('Softmax', [classes], 'softmax', { axis: 1 })], 'log');
    },
  },
  {
    name: 'log-sigmoid',
    site: 'log',
    write(pen, ok) {
      const p = pen.op('Sigmoid', [pen.scaled(-18.5)], 'sigmoid');
      return pen.op('Log', [ok ? pen.op('Add', [p, pen.constant(1e-7)], 'raised') : p], 'log');
    },
  },
  {
    name: 'log-one-minus-sigmoid',
    site: 'log',
    write(pen, ok) {
      const p = pen.op('Sigmoid', [pen.scaled(18)], 'sigmoid');
      const kept = ok ? pen.clipped(p, 1e-6, 1 - 1e-6) : p;
      return pen.op('Log', [pen.op('Sub', [pen.constant(1), kept], 'rest')], 'log');
    },
  },
  {
    name: 'log-one-minus-tanh',
    site: 'log',
    write(pen, ok) {
      const t = pen.op('Tanh', [pen.scaled(9.1)], 'tanh');
      return pen.op('Log', [pen.op('Sub', [pen.constant(ok ? 1.001 : 1), t], 'rest')], 'log');
    },
  },
  {
    name: 'exp',
    site: 'exp',
    write: (pen, ok) =>
      pen.op(
        'Exp',
        [ok ? pen.op('Min', [pen.scaled(88.8), pen.constant(80)], 'ceiling') : pen.scaled(88.8)],
        'exp',
      ),
  },
  {
    name: 'softplus',
    site: 'exp',
    write(pen, ok) {
      if (ok) return pen.op('Softplus', [pen.scaled(88.8)], 'softplus');
      return pen.op(
        'Log',
        [pen.op('Add', [pen.op('Exp', [pen.scaled(88.8)], 'exp'), pen.constant(1)], 'raised')],
        'log',
      );
    },
  },
  {
    name: 'sqrt',
    site: 'sqrt',
    write: (pen, ok) => pen.op('Sqrt', [ok ? pen.op('Relu', [pen.left()], 'floor') : pen.left()], 'sqrt'),
  },
  {
    name: 'one-over-sqrt',
    site: 'inverse',
    write(pen, ok) {
      const rest = pen.op('Relu', [pen.left()], 'rest');
      const root = pen.op('Sqrt', [ok ? pen.op('Add', [rest, pen.constant(1e-5)], 'raised') : rest], 'sqrt');
      return pen.op('Reciprocal', [root], 'inverse');
    },
  },
  {
    name: 'div',
    site: 'div',
    write(pen, ok) {
      const rest = pen.op('Relu', [pen.left()], 'rest');
      return pen.op(
        'Div',
        [pen.score, ok ? pen.op('Add', [rest, pen.constant(1e-6)], 'raised') : rest],
        'div',
      );
    },
  },
  {
    name: 'masked-mean',
    site: 'mean',
    opset: 12,
    write(pen, ok) {
      const units = pen.units();
      const active = pen.cast(pen.op('Greater', [units, pen.constant(0)], 'positive'), 'float32', 'active');
      const count = pen.op('ReduceSum', [active], 'count', { axes: SUM_AXIS, keepdims: 1 });
      const sum = pen.op('ReduceSum', [units], 'sum', { axes: SUM_AXIS, keepdims: 1 });
      return pen.op('Div', [sum, ok ? pen.op('Max', [count, pen.constant(1)], 'floor') : count], 'mean');
    },
  },
  {
    name: 'reciprocal',
    site: 'inverse',
    write: (pen, ok) =>
      pen.op(
        'Reciprocal',
        [ok ? pen.clipped(pen.left(), 1e-4, 10) : pen.op('Relu', [pen.left()], 'rest')],
        'inverse',
      ),
  },
  {
    name: 'pow-broken',
    site: 'pow',
    write: (pen, ok) =>
      pen.op('Pow', [ok ? pen.op('Relu', [pen.left()], 'rest') : pen.left(), pen.constant(1.5)], 'pow'),
  },
  {
    name: 'pow-negative',
    site: 'pow',
    write: (pen, ok) =>
      pen.op(
        'Pow',
        [ok ? pen.clipped(pen.left(), 1e-3, 10) : pen.op('Relu', [pen.left()], 'rest'), pen.constant(-2)],
        'pow',
      ),
  },
  {
    name: 'pow-overflow',
    site: 'pow',
    write: (pen, ok) =>
      pen.op(
        'Pow',
        [ok ? pen.clipped(pen.scaled(65_600), -60_000, 60_000) : pen.scaledOneSided(65_600), pen.constant(8)],
        'pow',
      ),
  },
  {
    name: 'pow-exponent',
    site: 'pow',
    write: (pen, ok) =>
      pen.op(
        'Pow',
        [pen.constant(10), ok ? pen.clipped(pen.scaled(38.6), -30, 30) : pen.scaled(38.6)],
        'pow',
      ),
  },
  {
    name: 'asin',
    site: 'asin',
    write: (pen, ok) => pen.op('Asin', [ok ? pen.clipped(pen.score, -1, 1) : pen.oneSided()], 'asin'),
  },
  {
    name: 'acos',
    site: 'acos',
    write: (pen, ok) => pen.op('Acos', [ok ? pen.clipped(pen.score, -1, 1) : pen.oneSided()], 'acos'),
  },
  {
    name: 'acosh',
    site: 'acosh',
    write: (pen, ok) => {
      const raised = pen.op('Sub', [pen.constant(2), pen.score], 'raised');
      return pen.op('Acosh', [ok ? pen.op('Max', [raised, pen.constant(1)], 'floor') : raised], 'acosh');
    },
  },
  {
    name: 'atanh',
    site: 'atanh',
    write: (pen, ok) => pen.op('Atanh', [ok ? pen.clipped(pen.score, -0.99, 0.99) : pen.oneSided()], 'atanh'),
  },
  {
    name: 'sinh',
    site: 'sinh',
    write: (pen, ok) =>
      pen.op('Sinh', [ok ? pen.clipped(pen.scaled(89.5), -80, 80) : pen.scaledOneSided(89.5)], 'sinh'),
  },
  {
    name: 'cosh',
    site: 'cosh',
    write: (pen, ok) =>
      pen.op('Cosh', [ok ? pen.clipped(pen.scaled(89.5), -80, 80) : pen.scaledOneSided(89.5)], 'cosh'),
  },
  {
    name: 'tan',
    site: 'exp',
    write: (pen, ok) => {
      // Beside its pole the tangent comes to numbers of which the exponential overflows.
      const angle = pen.scaledOneSided(Math.PI / 2 - 0.01);
      const tangent = pen.op('Tan', [ok ? pen.clipped(angle, -1.5, 1.5) : angle], 'tan');
      return pen.op('Exp', [tangent], 'exp');
    },
  },
  {
    name: 'layer-norm',
    site: 'norm',
    opset: 17,
    write: (pen, ok) =>
      pen.op('LayerNormalization', [pen.units(), pen.constant([1, 1, 1, 1, 1, 1])], 'norm', {
        axis: -1,
        epsilon: { float: ok ? 1e-5 : 0 },
      }),
  },
  {
    name: 'instance-norm',
    site: 'norm',
    write(pen, ok) {
      const channels = pen.op('Reshape', [pen.units(), pen.constant([-1, 1, 6], 'int64')], 'channels');
      return pen.op('InstanceNormalization', [channels, pen.constant([1]), pen.constant([0])], 'norm', {
        epsilon: { float: ok ? 1e-5 : 0 },
      });
    },
  },
  {
    name: 'batch-norm',
    site: 'norm',
    write(pen, ok) {
      // A feature that never varied in training: its scale makes up for a variance of nothing.
      const scale = pen.constant([ok ? 1 : 3.4e19]);
      const variance = pen.constant([ok ? 1 : 1e-38]);
      return pen.op(
        'BatchNormalization',
        [pen.score, scale, pen.constant([0]), pen.constant([0]), variance],
        'norm',
        { epsilon: { float: ok ? 1e-5 : 0 } },
      );
    },
  },
  {
    name: 'l2-norm',
    site: 'unit',
    opset: 12,
    write(pen, ok) {
      const units = pen.units();
      const squares = pen.op('ReduceSum', [pen.op('Mul', [units, units], 'squared')], 'squares', {
        axes: SUM_AXIS,
        keepdims: 1,
      });
      const norm = pen.op('Sqrt', [squares], 'norm');
      return pen.op('Div', [units, ok ? pen.op('Max', [norm, pen.constant(1e-6)], 'floor') : norm], 'unit');
    },
  },
  {
    name: 'product',
    site: 'product',
    write(pen, ok) {
      const factors = pen.op(
        'Mul',
        [pen.oneSided(), pen.constant([9000, 8000, 7000, 9000, 8000, 7000, 9000, 8000, 7000, 2000])],
        'factors',
      );
      return pen.op('ReduceProd', [ok ? pen.clipped(factors, -5000, 5000) : factors], 'product', {
        axes: SUM_AXIS,
        keepdims: 1,
      });
    },
  },
  {
    name: 'log-sum',
    site: 'log_sum',
    write: (pen, ok) =>
      pen.op(
        'ReduceLogSum',
        [ok ? pen.op('Add', [pen.units(), pen.constant(1e-6)], 'raised') : pen.units()],
        'log_sum',
        { axes: SUM_AXIS, keepdims: 1 },
      ),
  },
  {
    name: 'variance',
    site: 'deviation',
    write(pen, ok) {
      // Features whose spread goes to nothing beyond the limit, far from zero: the difference of moments cancels.
      const spread = pen.op(
        'Mul',
        [pen.op('Relu', [pen.left()], 'rest'), pen.constant([1, -2, 3, -4, 2.5, -0.5])],
        'spread',
      );
      const far = pen.op(
        'Add',
        [
          spread,
          pen.op(
            'Add',
            [pen.op('Mul', [pen.score, pen.constant(3.3)], 'drift'), pen.constant(100.1)],
            'centre',
          ),
        ],
        'features',
      );
      const moment = (tensor: string, name: string): string =>
        pen.op('ReduceMean', [tensor], name, { axes: SUM_AXIS, keepdims: 1 });
      const mean = moment(far, 'mean');
      const difference = pen.op(
        'Sub',
        [
          moment(pen.op('Mul', [far, far], 'squares'), 'mean_of_squares'),
          pen.op('Mul', [mean, mean], 'square_of_mean'),
        ],
        'variance',
      );
      return pen.op('Sqrt', [ok ? pen.op('Relu', [difference], 'floor') : difference], 'deviation');
    },
  },
  {
    name: 'cast-half',
    site: 'half',
    write: (pen, ok) =>
      pen.cast(
        pen.cast(
          ok ? pen.clipped(pen.scaled(65_530), -60_000, 60_000) : pen.scaled(65_530),
          'float16',
          'half',
        ),
        'float32',
        'single',
      ),
  },
  {
    name: 'cast-integer',
    site: 'sqrt',
    write(pen, ok) {
      // A count that wraps to the least integer, of which there is no root.
      const count = pen.op('Abs', [pen.scaledOneSided(2 ** 31 + 1e4)], 'count');
      const whole = pen.cast(ok ? pen.clipped(count, 0, 1e9) : count, 'int32', 'whole');
      return pen.op('Sqrt', [pen.cast(whole, 'float32', 'single')], 'sqrt');
    },
  },
  {
    name: 'half-sum',
    site: 'half_sum',
    output: 'float16',
    write(pen, ok) {
      const half = pen.cast(
        ok ? pen.clipped(pen.scaled(255), -200, 200) : pen.scaled(255),
        'float16',
        'half',
      );
      return pen.op('Mul', [half, pen.constant(257, 'float16')], 'half_sum');
    },
  },
  { name: 'integer-division', site: 'share', write: (pen, ok) => wholeNumbers(pen, 'Div', 'share', ok) },
  { name: 'integer-mod', site: 'rest_of', write: (pen, ok) => wholeNumbers(pen, 'Mod', 'rest_of', ok) },
  {
    name: 'masked-softmax',
    site: 'attention',
    write(pen, ok) {
      const positive = pen.op('Greater', [pen.units(), pen.constant(0)], 'positive');
      const masked = pen.op(
        'Where',
        [positive, pen.constant(0), pen.constant(ok ? -1e9 : Number.NEGATIVE_INFINITY)],
        'masked',
      );
      return pen.op('Softmax', [masked], 'attention', { axis: -1 });
    },
  },
];

/** Writes a defective model, or its repaired twin. */
export function writeDefect(
  { write, opset, name, output: type = 'float32' }: Defect,
  score: Score,
  repaired: boolean,
): Uint8Array {
  const pen = new ScorePen(score);
  const output = write(pen, repaired);
  pen.graph.node('Identity', [output], 'y');
  pen.graph.output('y', type, ['batch', 'n']);
  return pen.graph.finish(name, opset ?? 13);
}

/** A defect of an operation that ONNX does not have. */
export interface TfjsDefect {
  readonly name: string;
  readonly site: string;
  readonly write: (graph: TfjsBuilder, score: string, repaired: boolean) => string;
}

function tfConstant(graph: TfjsBuilder, name: string, value: number): string {
  return graph.constant(name, 'float32', [], Float32Array.of(value));
}

export const TFJS_DEFECTS: readonly TfjsDefect[] = [
  {
    name: 'log1p',
    site: 'log1p',
    write(graph, score, ok) {
      const negative = graph.node('Neg', [score], 'negative');
      return graph.node(
        'Log1p',
        [ok ? graph.node('Maximum', [negative, tfConstant(graph, 'least', -0.999)], 'floor') : negative],
        'log1p',
      );
    },
  },
  {
    name: 'expm1',
    site: 'expm1',
    write(graph, score, ok) {
      const scaled = graph.node('Mul', [score, tfConstant(graph, 'factor', 88.8)], 'scaled');
      return graph.node(
        'Expm1',
        [ok ? graph.node('Minimum', [scaled, tfConstant(graph, 'most', 80)], 'ceiling') : scaled],
        'expm1',
      );
    },
  },
  {
    name: 'rsqrt',
    site: 'rsqrt',
    write(graph, score, ok) {
      const rest = graph.node(
        'Relu',
        [graph.node('Sub', [tfConstant(graph, 'one', 1), score], 'left')],
        'rest',
      );
      return graph.node(
        'Rsqrt',
        [ok ? graph.node('AddV2', [rest, tfConstant(graph, 'epsilon', 1e-5)], 'raised') : rest],
        'rsqrt',
      );
    },
  },
];

export function writeTfjsDefect({ write }: TfjsDefect, score: Score, repaired: boolean): TfjsFilesContent {
  const graph = new TfjsBuilder();
  const output = write(graph, writeScoreTfjs(graph, score), repaired);
  graph.node('Identity', [output], 'y');
  graph.output('y', 'float32', [-1, 1]);
  return graph.finish();
}
