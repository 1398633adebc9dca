import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { loadModel } from '../../../../src/model/formats/registry.ts';
import { testFolder } from '../../../support/folder.ts';

const folder = testFolder();

const type = (name: string) => ({ type: name });
const int32 = type('DT_INT32');
const float = type('DT_FLOAT');
const argument = (name: string, dtype: string) => ({ name, type: dtype });
const constant = (name: string, dtype: { type: string }) => ({ name, op: 'Const', attr: { dtype } });

/**
 * `y` holds the rows of `x` doubled, one by one in the body of a loop that reads the list of rows, which was made outside of it,
 * as what `tf.map_fn` becomes. Returns the model's path.
 */
function writeLoopModel(): string {
  const condition = {
    signature: {
      name: 'more',
      inputArg: [argument('i', 'DT_INT32'), argument('rows', 'DT_VARIANT'), argument('made', 'DT_VARIANT')],
      outputArg: [argument('isMore', 'DT_BOOL')],
    },
    nodeDef: [
      constant('limit', int32),
      { name: 'less', op: 'Less', input: ['i', 'limit:output:0'], attr: { T: int32 } },
    ],
    ret: { isMore: 'less:z:0' },
  };
  const body = {
    signature: {
      name: 'step',
      inputArg: [argument('i', 'DT_INT32'), argument('rows', 'DT_VARIANT'), argument('made', 'DT_VARIANT')],
      outputArg: [
        argument('next', 'DT_INT32'),
        argument('same', 'DT_VARIANT'),
        argument('more', 'DT_VARIANT'),
      ],
    },
    nodeDef: [
      constant('one', int32),
      constant('rowShape', int32),
      { name: 'add', op: 'AddV2', input: ['i', 'one:output:0'], attr: { T: int32 } },
      {
        name: 'row',
        op: 'TensorListGetItem',
        input: ['rows', 'i', 'rowShape:output:0'],
        attr: { element_dtype: float },
      },
      { name: 'twice', op: 'AddV2', input: ['row:item:0', 'row:item:0'], attr: { T: float } },
      {
        name: 'set',
        op: 'TensorListSetItem',
        input: ['made', 'i', 'twice:z:0'],
        attr: { element_dtype: float },
      },
    ],
    ret: { next: 'add:z:0', same: 'rows', more: 'set:output_handle:0' },
  };
  const info = (name: string) => ({
    name: `${name}:0`,
    dtype: 'DT_FLOAT',
    tensorShape: { dim: [{ size: '3' }, { size: '2' }] },
  });
  const nodes = [
    {
      name: 'x',
      op: 'Placeholder',
      attr: { dtype: float, shape: { shape: { dim: [{ size: '3' }, { size: '2' }] } } },
    },
    constant('shape', int32),
    constant('count', int32),
    constant('zero', int32),
    { name: 'list', op: 'TensorListFromTensor', input: ['x', 'shape'], attr: { element_dtype: float } },
    { name: 'empty', op: 'TensorListReserve', input: ['shape', 'count'], attr: { element_dtype: float } },
    {
      name: 'loop',
      op: 'StatelessWhile',
      input: ['zero', 'list', 'empty'],
      attr: {
        cond: { func: { name: 'more' } },
        body: { func: { name: 'step' } },
        T: { list: { type: ['DT_INT32', 'DT_VARIANT', 'DT_VARIANT'] } },
      },
    },
    {
      name: 'y',
      op: 'TensorListStack',
      input: ['loop:2', 'shape'],
      attr: { element_dtype: float, num_elements: { i: '3' } },
    },
  ];
  const weights: readonly (readonly [string, readonly number[], readonly number[]])[] = [
    ['shape', [1], [2]],
    ['count', [], [3]],
    ['zero', [], [0]],
    ['limit', [], [3]],
    ['one', [], [1]],
    ['rowShape', [1], [2]],
  ];
  mkdirSync(join(folder, 'loop'));
  writeFileSync(
    join(folder, 'loop', 'weights.bin'),
    Buffer.from(Int32Array.from(weights.flatMap(([, , values]) => values)).buffer),
  );
  const path = join(folder, 'loop', 'model.json');
  const json = {
    format: 'graph-model',
    signature: { inputs: { x: info('x') }, outputs: { y: info('y') } },
    modelTopology: { node: nodes, library: { function: [condition, body] }, versions: { producer: 1395 } },
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: weights.map(([name, shape]) => ({ name, shape, dtype: 'int32' })),
      },
    ],
  };
  writeFileSync(path, JSON.stringify(json));
  return path;
}

test('bodies of loops that are functions run again and again, and keep no tensors', async () => {
  const model = await loadModel(writeLoopModel(), { runtime: 'cpu' });
  const feed = { type: 'float32', shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) } as const;
  const counts: number[] = [];
  for (let run = 0; run < 4; run++) {
    const { outputs } = await model.run([feed], []);
    expect([...(outputs[0].data as Float32Array)]).toEqual([2, 4, 6, 8, 10, 12]);
    counts.push(tf.memory().numTensors);
  }
  expect(counts[3]).toBe(counts[1]);
  await model.dispose();
});
