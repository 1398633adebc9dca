import { describe, expect, test } from '@jest/globals';
import { UserError } from '../../src/core/errors.ts';
import type { BatchProbe } from '../../src/model/batched-model.ts';
import { coverageCandidates, selectCandidate } from '../../src/model/coverage-tensors.ts';
import { type GraphParts, graphOf, node, watchableOf } from '../support/graphs.ts';

const candidatesOf = (parts: GraphParts) => coverageCandidates(watchableOf(graphOf(parts)));
const choice = (parts: GraphParts): readonly string[] => candidatesOf(parts)[0].tensors;

const weights = { w: { shape: [16, 16] }, v: { shape: [16, 16] } };
const minimum = -3.4028234663852886e38;

/** Attention of one head over x, with a mask of `fill` added to the scores. */
const attention = (fill: number): GraphParts => ({
  inputs: ['x', 'mask'],
  nodes: [
    node('MatMul', ['x', 'w'], 'query'),
    node('MatMul', ['x', 'v'], 'key'),
    node('MatMul', ['query', 'key'], 'scores'),
    node('Where', ['mask', 'zero', 'fill'], 'bias'),
    node('Add', ['scores', 'bias'], 'masked'),
    node('Softmax', ['masked'], 'weights'),
    node('MatMul', ['weights', 'x'], 'mixed'),
    node('MatMul', ['mixed', 'w'], 'logits'),
  ],
  outputs: ['logits'],
  constants: { ...weights, fill: { values: [fill] }, zero: { values: [0] } },
  types: { mask: 'bool' },
});

describe('--coverage auto', () => {
  test.each([minimum, Number.NEGATIVE_INFINITY, -10_000])(
    'watches the logits of a transformer, not what attention masks with %d',
    (fill) => expect(choice(attention(fill))).toEqual(['logits']),
  );

  test('does not take the weights of attention for a classifier where they are an output as well', () =>
    expect(choice({ ...attention(minimum), outputs: ['weights', 'logits'] })).not.toContain('masked'));

  test('takes the softmax of a classifier that attention feeds', () => {
    const { nodes, ...parts } = attention(minimum);
    const classifier = [...nodes, node('Softmax', ['logits'], 'probabilities')];
    expect(choice({ ...parts, nodes: classifier, outputs: ['probabilities'] })).toEqual(['logits']);
  });

  test('takes logits before a constant masks some of them', () => {
    const masked: GraphParts = {
      nodes: [
        node('MatMul', ['x', 'w'], 'logits'),
        node('Where', ['allowed', 'logits', 'fill'], 'masked'),
        node('Softmax', ['masked'], 'probabilities'),
      ],
      outputs: ['probabilities'],
      constants: { ...weights, fill: { values: [minimum] }, allowed: { values: [1, 1, 0] } },
      types: { allowed: 'bool' },
    };
    expect(choice(masked)).toEqual(['logits']);
    expect(candidatesOf(masked)[0].why).toMatch(/softmax probabilities, before its mask/);
  });

  test('looks at what an If gives, never at its condition', () => {
    const conditional: GraphParts = {
      inputs: ['x', 'rate'],
      nodes: [
        node('Equal', ['rate', 'known'], 'is_known'),
        {
          ...node('If', ['is_known'], 'speech'),
          subgraphs: [{ ...graphOf({ nodes: [], outputs: [] }), role: 'then' }],
        },
      ],
      outputs: ['speech'],
      constants: { known: { values: [16_000] } },
      types: { rate: 'int64', is_known: 'bool', speech: 'float32' },
    };
    expect(choice(conditional)).toEqual(['speech']);
  });

  test('passes over integers, conditions and what is computed from constants alone', () => {
    const counting: GraphParts = {
      nodes: [
        node('MatMul', ['x', 'w'], 'hidden'),
        node('MatMul', ['w', 'v'], 'product'),
        node('Cast', ['hidden'], 'rounded'),
        node('Greater', ['rounded', 'limit'], 'is_large'),
        node('Where', ['is_large', 'product', 'hidden'], 'y'),
      ],
      outputs: ['y'],
      constants: { ...weights, limit: { values: [3] } },
      types: { rounded: 'int64', is_large: 'bool', product: 'float32', hidden: 'float32', y: 'float32' },
    };
    expect(choice(counting)).toEqual(['hidden']);
    const classes: GraphParts = {
      nodes: [node('MatMul', ['x', 'w'], 'scores'), node('ArgMax', ['scores'], 'class')],
      outputs: ['class'],
      constants: weights,
      types: { class: 'int64', scores: 'float32' },
    };
    expect(choice(classes)).toEqual(['scores']);
  });

  test('watches a linear output, and the layer before an activation function', () => {
    const regression = (last: string): GraphParts => ({
      nodes: [
        node('MatMul', ['x', 'w'], 'hidden'),
        node('Relu', ['hidden'], 'active'),
        node('MatMul', ['active', 'v'], 'product'),
        node('Add', ['product', 'b'], 'sum'),
        node('Sigmoid', ['sum'], 'share'),
      ],
      outputs: [last],
      constants: { ...weights, b: { values: [1] } },
    });
    expect(choice(regression('sum'))).toEqual(['sum']);
    expect(choice(regression('share'))).toEqual(['sum']);
    expect(choice(regression('active'))).toEqual(['hidden']);
  });

  test('watches all float outputs where there are several, but not those of state or of caches', () => {
    const detector: GraphParts = {
      inputs: ['x', 'state'],
      nodes: [
        node('MatMul', ['x', 'w'], 'boxes'),
        node('MatMul', ['x', 'v'], 'raw'),
        node('Sigmoid', ['raw'], 'scores'),
        node('Add', ['state', 'boxes'], 'next_state'),
        node('MatMul', ['x', 'w'], 'present.0.key'),
        node('ArgMax', ['raw'], 'best'),
      ],
      outputs: ['boxes', 'scores', 'next_state', 'present.0.key'],
      constants: weights,
      shapes: { state: [1, 'batch', 16], next_state: [1, 'batch', 16] },
    };
    expect(choice(detector)).toEqual(['boxes', 'raw']);
  });
});

describe('a candidate is selected', () => {
  const candidates = ['first', 'second', 'third'].map((name) => ({ tensors: [name], why: name }));
  const select = async (probes: Readonly<Record<string, Partial<BatchProbe> | UserError>>) => {
    const { watched } = await selectCandidate(candidates, async ([name]) => {
      const probe = probes[name] ?? {};
      if (probe instanceof UserError) throw probe;
      return { batchLimitReason: undefined, largestMagnitude: 1, ...probe };
    });
    return watched.why;
  };
  const huge = { largestMagnitude: 3.4e38 };

  test('where a run shows values that coverage can compare', async () => {
    expect(await select({})).toBe('first');
    expect(await select({ first: huge })).toBe('second');
    expect(await select({ first: huge, second: { batchLimitReason: 'one row' } })).toBe('third');
    expect(await select({ first: new UserError('no number'), second: huge })).toBe('third');
  });

  test('where none is better, as the first that can be watched', async () => {
    expect(await select({ first: huge, second: huge, third: huge })).toBe('first');
    expect(await select({ first: new UserError('no'), second: huge, third: huge })).toBe('second');
  });

  test('unless none can be watched', () => {
    const failure = new UserError('fails on the first seed');
    return expect(select({ first: failure, second: failure, third: failure })).rejects.toBe(failure);
  });
});
