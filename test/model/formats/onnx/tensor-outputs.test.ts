import { expect, test } from '@jest/globals';
import { ML_DOMAIN, OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../../src/model/formats/onnx/graph.ts';
import { rewriteNonTensorOutputs } from '../../../../src/model/formats/onnx/tensor-outputs.ts';

test('a ZipMap becomes the tensor of its scores, a sequence of known length its elements; others are left out', () => {
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', ['N', 2]);
  const labels = { classlabels_strings: { strings: ['no', 'yes'] } };
  builder.node('ZipMap', ['x'], 'shares', labels, ML_DOMAIN);
  builder.node('SequenceConstruct', ['x', 'x'], 'pair');
  builder.node('SplitToSequence', ['x'], 'rows');
  builder.node('Neg', ['x'], 'plain');
  builder.output('shares', { mapsFrom: 'string' }, []);
  builder.output('pair', { mapsFrom: 'string' }, []);
  builder.output('rows', { mapsFrom: 'string' }, []);
  builder.output('plain', 'float32', ['N', 2]);
  const file = builder.finish('zip');
  expect(readOnnx(file, 'zip.onnx').nonTensorOutputs).toEqual(['shares', 'pair', 'rows']);
  const { bytes, omitted } = rewriteNonTensorOutputs(file);
  const { graph, nonTensorOutputs } = readOnnx(bytes, 'zip.onnx');
  expect(nonTensorOutputs).toEqual([]);
  expect(graph.outputs).toEqual(['shares', 'pair_0', 'pair_1', 'plain']);
  expect(graph.nodes.find(({ outputs }) => outputs[0] === 'shares')?.op).toBe('Identity');
  expect(graph.types.get('shares')).toBe('float32');
  expect(omitted).toEqual([{ name: 'rows', reason: 'it is a sequence' }]);
});
