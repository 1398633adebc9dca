import { beforeAll, expect, jest, test } from '@jest/globals';
import { input, layers, model, type SymbolicTensor, sequential } from '@tensorflow/tfjs-layers';
import { gatherInputEvidence } from '../../../../../src/analysis/input-evidence/input-evidence.ts';
import { inferInput } from '../../../../../src/inputs/infer-input.ts';
import { startTfjs } from '../../../../../src/model/formats/tfjs/backend.ts';
import { findLogits } from '../../../../../src/model/graph/find-logits.ts';
import { countParameters } from '../../../../../src/model/graph/graph.ts';
import { testFolder } from '../../../../support/folder.ts';
import { fillWeights, runWatched } from '../../../../support/layers-model.ts';

const folder = testFolder();

beforeAll(() => startTfjs('cpu'));

const apply = (layer: layers.Layer, ...tensors: SymbolicTensor[]): SymbolicTensor =>
  layer.apply(tensors.length === 1 ? tensors[0] : tensors) as SymbolicTensor;

/** Names of the tensors and operations of a graph, as `operation(operands) → results`. */
function linesOf(nodes: readonly { op: string; inputs: readonly string[]; outputs: readonly string[] }[]) {
  return nodes.map(({ op, inputs, outputs }) => `${op}(${inputs.join(', ')}) → ${outputs.join(', ')}`);
}

test('a layer that is called twice has two names, and its weights one', async () => {
  const shared = layers.dense({ units: 2, useBias: false, name: 'shared' });
  const [a, b] = ['a', 'b'].map((name) => input({ shape: [3], name }));
  const sum = apply(layers.add({ name: 'sum' }), apply(shared, a), apply(shared, b));
  const net = fillWeights(model({ inputs: [a, b], outputs: sum }));
  const { loaded } = await runWatched(folder, 'shared', net, 'cpu');
  expect(linesOf(loaded.graph.nodes)).toEqual([
    'MatMul(b, shared/kernel) → shared',
    'MatMul(a, shared/kernel) → shared@2',
    'Add(shared@2, shared) → sum',
  ]);
  expect(countParameters(loaded.graph)).toBe(6);
  expect(loaded.constant('shared/kernel')?.shape).toEqual([3, 2]);
  await loaded.dispose();
});

test('a model within a model is laid out, and its name stays that of its output', async () => {
  const body = sequential({
    name: 'body',
    layers: [
      layers.dense({ units: 3, inputShape: [4], activation: 'tanh', name: 'dense' }),
      layers.dense({ units: 3, activation: 'softmax', name: 'classes' }),
    ],
  });
  const x = input({ shape: [4], name: 'x' });
  const twice = apply(layers.concatenate({ name: 'both' }), apply(body, x), apply(body, x));
  const { loaded, activations } = await runWatched(
    folder,
    'nested',
    fillWeights(model({ inputs: x, outputs: twice })),
    'wasm',
  );
  expect(loaded.watchable).toEqual(
    ['body', 'body@2']
      .flatMap((name) => [
        `${name}/dense_input`,
        `${name}/dense/MatMul`,
        `${name}/dense/BiasAdd`,
        `${name}/dense`,
        `${name}/classes/MatMul`,
        `${name}/classes/BiasAdd`,
        `${name}/classes`,
        name,
      ])
      .concat('both'),
  );
  const valuesOf = (name: string) => activations.find((tensor) => tensor.name === name)?.data;
  expect(valuesOf('body')).toEqual(valuesOf('body/classes'));
  await loaded.dispose();
});

test('a model that is the first layer of a Sequential can be watched by its name', async () => {
  const body = sequential({
    name: 'body',
    layers: [layers.dense({ units: 3, inputShape: [4], name: 'dense' })],
  });
  const net = sequential({ layers: [body, layers.dense({ units: 2, activation: 'softmax', name: 'head' })] });
  const { loaded } = await runWatched(folder, 'first', fillWeights(net), 'cpu');
  expect(loaded.watchable).toEqual(expect.arrayContaining(['body', 'dense', 'head/BiasAdd', 'head']));
  expect(findLogits(loaded.graph)?.tensor).toBe('head/BiasAdd');
  expect(loaded.inputs).toEqual([{ name: 'dense_input', type: 'float32', shape: [null, 4] }]);
  expect(loaded.graph.inputs).toEqual(['dense_input']);
  await loaded.dispose();
});

test('a model loaded twice has the same names', async () => {
  const net = fillWeights(
    sequential({ layers: [layers.dense({ units: 2, inputShape: [3], name: 'layer' })] }),
  );
  const first = await runWatched(folder, 'again', net, 'cpu');
  const second = await runWatched(folder, 'again', net, 'cpu');
  expect(second.loaded.inputs).toEqual(first.loaded.inputs);
  expect(second.loaded.graph).toEqual(first.loaded.graph);
  await first.loaded.dispose();
  await second.loaded.dispose();
});

test('results of a layer that has several are told apart, and may be outputs', async () => {
  const x = input({ shape: [5, 2], name: 'x' });
  const [sequence, state, cell] = layers
    .lstm({ units: 3, returnState: true, recurrentInitializer: 'zeros', name: 'memory' })
    .apply(x) as SymbolicTensor[];
  const { loaded, activations } = await runWatched(
    folder,
    'states',
    fillWeights(model({ inputs: x, outputs: [sequence, state, cell] })),
    'cpu',
  );
  expect(loaded.outputs).toEqual(['memory', 'memory:1', 'memory:2']);
  expect(activations[0].data).toEqual(activations[1].data);
  expect(activations[1].data).not.toEqual(activations[2].data);
  await loaded.dispose();
});

test('states of a recurrent layer that come from elsewhere are inputs of its operation', async () => {
  const x = input({ shape: [5, 2], name: 'x' });
  const state = input({ shape: [3], name: 'state' });
  const layer = layers.gru({ units: 3, recurrentInitializer: 'zeros', name: 'memory' });
  // That the state is left out of the saved arguments does no harm: it is among the saved inputs.
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => {});
  const result = apply(layer, x, state);
  const { loaded } = await runWatched(
    folder,
    'initial',
    fillWeights(model({ inputs: [x, state], outputs: result })),
    'cpu',
  );
  expect(loaded.graph.nodes[0].inputs).toEqual([
    'x',
    'memory/kernel',
    'memory/recurrent_kernel',
    'memory/bias',
    'state',
  ]);
  warn.mockRestore();
  await loaded.dispose();
});

test('masks reach the layers that TensorFlow.js gives them to', async () => {
  const x = input({ shape: [6], name: 'words', dtype: 'int32' });
  const embedded = apply(layers.embedding({ inputDim: 4, outputDim: 3, maskZero: true, name: 'table' }), x);
  const recurrent = (name: string): layers.Layer =>
    layers.lstm({ units: 3, returnSequences: true, recurrentInitializer: 'zeros', name });
  const inner = sequential({
    name: 'inner',
    layers: [layers.inputLayer({ inputShape: [6, 3] }), recurrent('in')],
  });
  const after = apply(inner, apply(recurrent('first'), embedded));
  const net = fillWeights(model({ inputs: x, outputs: apply(layers.flatten({ name: 'flat' }), after) }));
  // Its outputs are compared with those of the whole model within.
  const { loaded, activations } = await runWatched(folder, 'masked', net, 'cpu');
  const words = loaded.inputs[0];
  const [evidence] = gatherInputEvidence(loaded);
  expect(inferInput({ ...words, shape: [6] }, evidence).range).toEqual({ low: 0, high: 3 });
  expect(activations.find(({ name }) => name === 'first')?.shape).toEqual([4, 6, 3]);
  await loaded.dispose();
});
