import { describe, expect, test } from '@jest/globals';
import { followAbsorption } from '../../src/analysis/meant-values.ts';
import type { GraphNode } from '../../src/model/graph/graph.ts';

const node = (op: string, inputs: readonly string[], output: string): GraphNode => ({
  name: output,
  op,
  inputs,
  outputs: [output],
});

/**
 * Follows what `e` holds.
 *
 * @param bad tensors with infinities, beside `e`
 */
function follow(nodes: readonly GraphNode[], bad: readonly string[] = [], isNan = false) {
  const { absorber, isMeant } = followAbsorption([node('Exp', ['x'], 'e'), ...nodes], ['e'], {
    isBad: (name) => name === 'e' || bad.includes(name),
    isNan: () => isNan,
    isKnown: (name) => name !== 'unseen',
    isConstant: (name) => name === 'limit',
  });
  return [absorber?.name, isMeant];
}

describe('values that are not finite', () => {
  test.each([
    ['a Where keeps out', [node('Where', ['open', 'e', 'x'], 'y')]],
    [
      'a Where keeps out behind other operations',
      [node('Neg', ['e'], 'n'), node('Where', ['c', 'x', 'n'], 'y')],
    ],
    ['a Clip bounds', [node('Clip', ['e', 'low', 'high'], 'y')]],
    ['a minimum with a constant bounds', [node('Min', ['e', 'limit'], 'y')]],
    ['nothing reads', [node('Relu', ['x'], 'y')]],
    ['are asked for and left out', [node('IsInf', ['e'], 'c'), node('Where', ['c', 'x', 'e'], 'y')]],
  ])('are meant where %s', (_name, nodes) => {
    expect(follow(nodes, ['n'])).toEqual([undefined, true]);
  });

  test.each([
    ['a division', [node('Div', ['x', 'e'], 'y')]],
    ['a comparison', [node('Greater', ['e', 'limit'], 'y')]],
    ['a minimum of two results', [node('Min', ['e', 'x'], 'y')]],
    ['one of two readers', [node('Where', ['c', 'e', 'x'], 'w'), node('Div', ['x', 'e'], 'y')]],
    ['a Where that they are the condition of', [node('Where', ['e', 'x', 'x'], 'y')]],
  ])('are absorbed by %s', (_name, nodes) => {
    expect(follow(nodes)).toEqual(['y', false]);
  });

  test('are not meant where it is not known what a guard makes of them', () =>
    expect(follow([node('Where', ['c', 'e', 'x'], 'unseen')])).toEqual(['unseen', false]));

  test('that are NaN are clipped by nothing', () => {
    expect(follow([node('Clip', ['e', 'low', 'high'], 'y')], [], true)).toEqual(['y', false]);
    expect(follow([node('Where', ['c', 'e', 'x'], 'y')], [], true)).toEqual([undefined, true]);
  });
});
