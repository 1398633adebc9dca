import { beforeAll, expect, test } from '@jest/globals';
import { input, layers, model, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { startTfjs } from '../../../../../src/model/formats/tfjs/backend.ts';
import { testFolder } from '../../../../support/folder.ts';
import { fillWeights, runWatched } from '../../../../support/layers-model.ts';
import { propagateIntervals } from '../../../../support/propagate-intervals.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

type Layer = layers.Layer;
type Build = (...inputs: SymbolicTensor[]) => SymbolicTensor | SymbolicTensor[];

const through =
  (...stack: Layer[]): Build =>
  (x) =>
    stack.reduce((tensor, layer) => layer.apply(tensor) as SymbolicTensor, x);
const merge =
  (layer: Layer): Build =>
  (...inputs) =>
    layer.apply(inputs) as SymbolicTensor;
const dense = (activation: string): Layer =>
  layers.dense({ units: 3, name: 'layer', activation: activation as 'relu' });

/** What it tests, the inputs' shapes, the layers, the operations and the tensors within layers that can be watched. */
const CASES: readonly (readonly [
  name: string,
  shapes: readonly (readonly (number | null)[])[],
  build: Build,
  ops: string,
  inner: string,
])[] = [
  ['Dense', [[4]], through(dense('linear')), 'MatMul BiasAdd', 'layer/MatMul'],
  ...(
    [
      ['relu', 'Relu'],
      ['relu6', 'Relu6'],
      ['elu', 'Elu'],
      ['selu', 'Selu'],
      ['sigmoid', 'Sigmoid'],
      ['hardSigmoid', 'HardSigmoid'],
      ['softplus', 'Softplus'],
      ['softsign', 'Softsign'],
      ['tanh', 'Tanh'],
      ['softmax', 'Softmax'],
      ['logSoftmax', 'LogSoftmax'],
      ['gelu', 'Gelu'],
      ['mish', 'Mish'],
      ['swish', 'Swish'],
    ] as const
  ).map(
    ([activation, op]) =>
      [
        `Dense with ${activation}`,
        [[4]],
        through(dense(activation)),
        `MatMul BiasAdd ${op}`,
        'layer/MatMul layer/BiasAdd',
      ] as const,
  ),
  [
    'Dense without bias',
    [[4]],
    through(layers.dense({ units: 3, useBias: false, activation: 'tanh', name: 'layer' })),
    'MatMul Tanh',
    'layer/MatMul',
  ],
  [
    'Dense on sequences',
    [[5, 4]],
    through(dense('softmax')),
    'MatMul BiasAdd Softmax',
    'layer/MatMul layer/BiasAdd',
  ],
  [
    'Conv1D',
    [[6, 2]],
    through(layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu', name: 'layer' })),
    'Conv1D BiasAdd Relu',
    'layer/Conv1D layer/BiasAdd',
  ],
  [
    'Conv2D',
    [[5, 5, 2]],
    through(layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', activation: 'relu', name: 'layer' })),
    'Conv2D BiasAdd Relu',
    'layer/Conv2D layer/BiasAdd',
  ],
  [
    'Conv2D with channels first',
    [[2, 5, 5]],
    through(
      layers.conv2d({
        filters: 3,
        kernelSize: 3,
        dataFormat: 'channelsFirst',
        activation: 'softmax',
        name: 'layer',
      }),
    ),
    'Conv2D BiasAdd Softmax',
    'layer/Conv2D layer/BiasAdd',
  ],
  [
    'Conv3D',
    [[3, 3, 3, 2]],
    through(layers.conv3d({ filters: 3, kernelSize: 2, activation: 'tanh', name: 'layer' })),
    'Conv3D BiasAdd Tanh',
    'layer/Conv3D layer/BiasAdd',
  ],
  [
    'Conv2DTranspose',
    [[3, 3, 2]],
    through(
      layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, activation: 'relu', name: 'layer' }),
    ),
    'Conv2DTranspose BiasAdd Relu',
    'layer/Conv2DTranspose layer/BiasAdd',
  ],
  [
    'DepthwiseConv2D',
    [[5, 5, 2]],
    through(
      layers.depthwiseConv2d({
        kernelSize: 3,
        depthMultiplier: 2,
        padding: 'same',
        activation: 'sigmoid',
        name: 'layer',
      }),
    ),
    'DepthwiseConv2dNative BiasAdd Sigmoid',
    'layer/DepthwiseConv2dNative layer/BiasAdd',
  ],
  [
    'SeparableConv2D',
    [[5, 5, 2]],
    through(layers.separableConv2d({ filters: 3, kernelSize: 3, activation: 'softmax', name: 'layer' })),
    'DepthwiseConv2dNative Conv2D BiasAdd Softmax',
    'layer/DepthwiseConv2dNative layer/Conv2D layer/BiasAdd',
  ],
  [
    'SeparableConv2D with channels first',
    [[2, 5, 5]],
    through(
      layers.separableConv2d({
        filters: 3,
        kernelSize: 3,
        useBias: false,
        dataFormat: 'channelsFirst',
        activation: 'softmax',
        name: 'layer',
      }),
    ),
    'DepthwiseConv2dNative Conv2D Softmax',
    'layer/DepthwiseConv2dNative',
  ],
  [
    'BatchNormalization',
    [[4]],
    through(layers.batchNormalization({ name: 'layer' })),
    'BatchNormalization',
    '',
  ],
  [
    'BatchNormalization without scale',
    [[5, 4]],
    through(layers.batchNormalization({ scale: false, axis: 1, name: 'layer' })),
    'BatchNormalization',
    '',
  ],
  [
    'LayerNormalization',
    [[4]],
    through(layers.layerNormalization({ name: 'layer' })),
    'LayerNormalization',
    '',
  ],
  [
    'LayerNormalization over an inner axis',
    [[3, 4]],
    through(layers.layerNormalization({ axis: 1, name: 'layer' })),
    'NormalizationOverAxes',
    '',
  ],
  [
    'Rescaling',
    [[4]],
    through(layers.rescaling({ scale: 3, offset: -1, name: 'layer' })),
    'Mul Add',
    'layer/Mul',
  ],
  ['Activation', [[4]], through(layers.activation({ activation: 'softmax', name: 'layer' })), 'Softmax', ''],
  ['ReLU', [[4]], through(layers.reLU({ name: 'layer' })), 'Relu', ''],
  ['ReLU with a maximum', [[4]], through(layers.reLU({ maxValue: 0.25, name: 'layer' })), 'Clip', ''],
  ['LeakyReLU', [[4]], through(layers.leakyReLU({ alpha: 0.2, name: 'layer' })), 'LeakyRelu', ''],
  ['PReLU', [[4]], through(layers.prelu({ name: 'layer' })), 'PRelu', ''],
  ['ELU', [[4]], through(layers.elu({ name: 'layer' })), 'Elu', ''],
  ['Softmax', [[4]], through(layers.softmax({ axis: -1, name: 'layer' })), 'Softmax', ''],
  [
    'ThresholdedReLU',
    [[4]],
    through(layers.thresholdedReLU({ theta: 0.25, name: 'layer' })),
    'ThresholdedRelu',
    '',
  ],
  ['Flatten', [[2, 3]], through(layers.flatten({ name: 'layer' })), 'Flatten', ''],
  ['Reshape', [[2, 3]], through(layers.reshape({ targetShape: [3, 2], name: 'layer' })), 'Reshape', ''],
  ['Permute', [[2, 3]], through(layers.permute({ dims: [2, 1], name: 'layer' })), 'Transpose', ''],
  ['RepeatVector', [[3]], through(layers.repeatVector({ n: 2, name: 'layer' })), 'Tile', ''],
  ['Masking', [[2, 3]], through(layers.masking({ name: 'layer' })), 'Masking', ''],
  ['Dropout', [[4]], through(layers.dropout({ rate: 0.5, name: 'layer' })), 'Identity', ''],
  ['GaussianNoise', [[4]], through(layers.gaussianNoise({ stddev: 0.5, name: 'layer' })), 'Identity', ''],
  ['GaussianDropout', [[4]], through(layers.gaussianDropout({ rate: 0.5, name: 'layer' })), 'Identity', ''],
  ['AlphaDropout', [[4]], through(layers.alphaDropout({ rate: 0.5, name: 'layer' })), 'Identity', ''],
  ['MaxPooling2D', [[4, 4, 2]], through(layers.maxPooling2d({ poolSize: 2, name: 'layer' })), 'MaxPool', ''],
  [
    'AveragePooling1D',
    [[4, 2]],
    through(layers.averagePooling1d({ poolSize: 2, name: 'layer' })),
    'AvgPool',
    '',
  ],
  [
    'AveragePooling3D',
    [[2, 2, 2, 2]],
    through(layers.averagePooling3d({ poolSize: 2, name: 'layer' })),
    'AvgPool3D',
    '',
  ],
  [
    'MaxPooling3D',
    [[2, 2, 2, 2]],
    through(layers.maxPooling3d({ poolSize: 2, name: 'layer' })),
    'MaxPool3D',
    '',
  ],
  [
    'GlobalAveragePooling2D',
    [[4, 4, 2]],
    through(layers.globalAveragePooling2d({ name: 'layer' })),
    'GlobalAveragePool',
    '',
  ],
  [
    'GlobalMaxPooling1D',
    [[4, 2]],
    through(layers.globalMaxPooling1d({ name: 'layer' })),
    'GlobalMaxPool',
    '',
  ],
  ['ZeroPadding2D', [[2, 2, 1]], through(layers.zeroPadding2d({ padding: 1, name: 'layer' })), 'Pad', ''],
  ['Cropping2D', [[4, 4, 1]], through(layers.cropping2D({ cropping: 1, name: 'layer' })), 'Slice', ''],
  ['UpSampling2D', [[2, 2, 1]], through(layers.upSampling2d({ name: 'layer' })), 'ResizeNearestNeighbor', ''],
  [
    'UpSampling2D between neighbours',
    [[2, 2, 1]],
    through(layers.upSampling2d({ interpolation: 'bilinear', name: 'layer' })),
    'ResizeBilinear',
    '',
  ],
  ['Add', [[4], [4], [4]], merge(layers.add({ name: 'layer' })), 'Add', ''],
  ['Multiply', [[4], [4], [4]], merge(layers.multiply({ name: 'layer' })), 'Mul', ''],
  ['Average', [[4], [4]], merge(layers.average({ name: 'layer' })), 'Mean', ''],
  ['Maximum', [[4], [4]], merge(layers.maximum({ name: 'layer' })), 'Maximum', ''],
  ['Minimum', [[4], [4]], merge(layers.minimum({ name: 'layer' })), 'Minimum', ''],
  ['Concatenate', [[4], [2]], merge(layers.concatenate({ name: 'layer' })), 'Concat', ''],
  ['Dot', [[4], [4]], merge(layers.dot({ axes: -1, name: 'layer' })), 'MatMul', ''],
  [
    'Dot of normalized vectors',
    [[4], [4]],
    merge(layers.dot({ axes: 1, normalize: true, name: 'layer' })),
    'L2Normalize L2Normalize MatMul',
    'layer/L2Normalize layer/L2Normalize_2',
  ],
  [
    'SimpleRNN',
    [[5, 2]],
    through(layers.simpleRNN({ units: 3, recurrentInitializer: 'glorotNormal', name: 'layer' })),
    'SimpleRNN',
    '',
  ],
  [
    'LSTM',
    [[null, 2]],
    through(layers.lstm({ units: 3, recurrentInitializer: 'glorotNormal', name: 'layer' })),
    'LSTM',
    '',
  ],
  [
    'GRU',
    [[5, 2]],
    through(
      layers.gru({ units: 3, recurrentInitializer: 'glorotNormal', returnSequences: true, name: 'layer' }),
    ),
    'GRU',
    '',
  ],
  [
    'Bidirectional',
    [[5, 2]],
    through(
      layers.bidirectional({
        layer: layers.gru({ units: 3, recurrentInitializer: 'glorotNormal', returnSequences: true }) as never,
        name: 'layer',
      }),
    ),
    'GRU GRU Concat',
    'layer/GRU layer/GRU_2',
  ],
  [
    'Bidirectional that adds',
    [[5, 2]],
    through(
      layers.bidirectional({
        layer: layers.lstm({ units: 3, recurrentInitializer: 'glorotNormal' }) as never,
        mergeMode: 'sum',
        name: 'layer',
      }),
    ),
    'LSTM LSTM Add',
    'layer/LSTM layer/LSTM_2',
  ],
  [
    'TimeDistributed',
    [[5, 4]],
    through(
      layers.timeDistributed({ layer: layers.dense({ units: 3, activation: 'softmax' }), name: 'layer' }),
    ),
    'MatMul BiasAdd Softmax',
    'layer/MatMul layer/BiasAdd',
  ],
  [
    'TimeDistributed over a normalization',
    [[5, 4]],
    through(layers.timeDistributed({ layer: layers.layerNormalization({}), name: 'layer' })),
    'LayerNormalization',
    '',
  ],
];

/** Operations whose results have no interval. */
const OPEN_OPS = /^(LayerNormalization|NormalizationOverAxes|L2Normalize)$/;

test.each(
  CASES.flatMap((row) => (['cpu', 'wasm'] as const).map((runtime) => [row[0], runtime, row] as const)),
)(
  '%s on %s: its operations, its inner tensors and their intervals',
  async (name, runtime, [, shapes, build, ops, inner]) => {
    const inputs = shapes.map((shape, i) => input({ shape: [...shape], name: `x${i}` }));
    const net = fillWeights(model({ inputs, outputs: build(...inputs) }));
    const { loaded, activations } = await runWatched(folder, `${name} ${runtime}`, net, runtime);
    expect(loaded.graph.nodes.map(({ op }) => op).join(' ')).toBe(ops);
    expect(loaded.watchable.join(' ')).toBe(`${inner} layer`.trim());
    const ranges = new Map(loaded.inputs.map((spec) => [spec.name, { low: -1, high: 1 }]));
    const intervals = propagateIntervals(loaded, ranges);
    for (const tensor of activations) {
      const { low, high } = intervals.get(tensor.name) ?? { low: Number.NaN, high: Number.NaN };
      const values = tensor.data as Float32Array;
      expect(values.length).toBeGreaterThan(0);
      expect(values.every((value) => value >= low && value <= high)).toBe(true);
      const producer = loaded.graph.nodes.find(({ outputs }) => outputs.includes(tensor.name));
      const isOpen = ops.split(' ').some((op) => OPEN_OPS.test(op)) || name === 'Dot';
      if (!isOpen && producer?.op !== 'LogSoftmax') {
        expect(Number.isFinite(low)).toBe(true);
        expect(Number.isFinite(high)).toBe(true);
      }
      const declared = loaded.graph.shapes.get(tensor.name) ?? [];
      expect(declared).toHaveLength(tensor.shape.length);
      declared.forEach((dimension, axis) => {
        if (typeof dimension === 'number') expect(tensor.shape[axis]).toBe(dimension);
      });
    }
    await loaded.dispose();
  },
);
