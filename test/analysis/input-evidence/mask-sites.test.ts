import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../../src/model/formats/onnx/builder.ts';
import { evidenceOf } from '../../support/evidence.ts';

/** Attention whose scores come from x, with a condition that is made of inputs; `fill` stands where it does not hold. */
function attention(fill: number, makeCondition: (graph: OnnxBuilder) => string): OnnxBuilder {
  const graph = new OnnxBuilder();
  graph.input('x', 'float32', ['batch', 4]);
  graph.input('mask', 'bool', ['batch', 4]);
  graph.input('other_mask', 'bool', ['batch', 4]);
  graph.constant('w', 'float32', [4, 4], new Float32Array(16));
  graph.constant('fill', 'float32', [], Float32Array.of(fill));
  graph.node('MatMul', ['x', 'w'], 'scores');
  graph.node('Where', [makeCondition(graph), 'scores', 'fill'], 'masked');
  graph.node('Softmax', ['masked'], 'weights', { axis: -1 });
  graph.output('weights', 'float32', ['batch', 4]);
  return graph;
}

const { NEGATIVE_INFINITY } = Number;

test('a mask that decides where −∞ stands names the softmax; its scores do not', () => {
  const evidence = evidenceOf(attention(NEGATIVE_INFINITY, () => 'mask'));
  expect(evidence.mask.maskedSites).toEqual(['weights']);
  expect(evidence.x.maskedSites).toBeUndefined();
  expect(evidence.other_mask.maskedSites).toBeUndefined();
});

test('masks that are combined and converted are followed', () => {
  const evidence = evidenceOf(
    attention(NEGATIVE_INFINITY, (graph) => {
      graph.node('Not', ['mask'], 'kept');
      graph.node('And', ['kept', 'other_mask'], 'both');
      return graph.node('Cast', ['both'], 'condition', { to: 9 });
    }),
  );
  expect(evidence.mask.maskedSites).toEqual(['weights']);
  expect(evidence.other_mask.maskedSites).toEqual(['weights']);
});

test('the least finite number hides and gives no NaN: there is no such site', () => {
  expect(evidenceOf(attention(-3.4e38, () => 'mask')).mask.maskedSites).toBeUndefined();
});
