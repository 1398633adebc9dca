import { describe, expect, test } from '@jest/globals';
import { judgeClauses } from '../../../src/campaign/threat-model/clauses.ts';
import type { CheckedSettings, ThreatEvidence } from '../../../src/campaign/threat-model/evidence.ts';
import { ALTERING_MUTATORS } from '../../../src/campaign/threat-model/trail-clause.ts';
import { type ThreatModelSettings, threatModelSettings } from '../../../src/config/threat-model.ts';
import { MUTATORS } from '../../../src/mutators/registry.ts';
import type { Tensor } from '../../../src/tensor/tensor.ts';

const numbers = (...values: number[]): Tensor => ({
  type: 'float32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const ids = (...values: number[]): Tensor => ({
  type: 'int32',
  shape: [values.length],
  data: Int32Array.from(values),
});

const X = { name: 'x', range: [0, 1] } as const;
const SEED = new Map([['x', numbers(0.5, 0.5, 0.5)]]);

/** Evidence of a misclassified mutant of class 1, whose seed is of class 0. */
function evidence(
  values: readonly number[],
  settings: Partial<CheckedSettings> & { readonly block?: Partial<ThreatModelSettings> } = {},
  others: Partial<ThreatEvidence> = {},
): ThreatEvidence {
  const { block, ...rest } = settings;
  return {
    settings: {
      threatModel: threatModelSettings.parse({ goal: { kind: 'untargeted' }, ...block }),
      inputs: [X],
      ...rest,
    },
    finding: {
      objective: 'misclassified',
      generation: 1,
      label: 0,
      violation: { tensors: [], details: { label: 0, class: 1, confidence: 0.7 } },
    },
    testcase: new Map([['x', numbers(...values)]]),
    seed: SEED,
    trail: ['x:gaussian'],
    queries: 8,
    plausible: undefined,
    masks: new Map(),
    ...others,
  };
}

const brokenBy = (given: ThreatEvidence): string[] => judgeClauses(given).broken.map(({ clause }) => clause);

describe('distances', () => {
  test.each([
    ['linf', 0.25, [0.75, 0.5, 0.5], [0.75001, 0.5, 0.5]],
    ['l2', 0.5, [0.8, 0.9, 0.5], [0.8, 0.9001, 0.5]],
    ['l0', 1, [1, 0.5, 0.5], [0.5, 0.6, 0.4]],
  ] as const)('%s of %p holds up to the limit', (norm, limit, legal, illegal) => {
    expect(judgeClauses(evidence(legal, { [norm]: limit }))).toEqual({
      clauses: [`limits.${norm}`, 'limits.range', 'goal.kind'],
      unchecked: [],
      broken: [],
    });
    expect(judgeClauses(evidence(illegal, { [norm]: limit })).broken).toEqual([
      { clause: `limits.${norm}`, breach: expect.stringMatching(/, above /) },
    ]);
  });

  test('are not checked without the seed, and are infinite where a value is not a number or one is missing', () => {
    expect(judgeClauses(evidence([0.5, 0.5, 0.5], { linf: 0.1 }, { seed: undefined }))).toMatchObject({
      unchecked: ['limits.linf'],
      broken: [],
    });
    expect(brokenBy(evidence([Number.NaN, 0.5, 0.5], { l2: 9 }))).toEqual(['limits.l2', 'limits.range']);
    expect(brokenBy(evidence([0.5, 0.5], { linf: 9 }))).toEqual(['limits.linf']);
  });

  test('of tokens and strings are edits, padding aside', () => {
    const tokens = [{ name: 'x', range: [0, 99], tokens: { pad: 0 } }] as const;
    const change = (
      seed: Tensor,
      mutant: Tensor,
      edits: number,
      inputs: CheckedSettings['inputs'] = tokens,
    ) =>
      brokenBy(
        evidence([], { edits, inputs }, { seed: new Map([['x', seed]]), testcase: new Map([['x', mutant]]) }),
      );
    // One token is removed from the start, and the row is padded again.
    expect(change(ids(5, 6, 7, 8), ids(6, 7, 8, 0), 1)).toEqual([]);
    expect(change(ids(5, 6, 7, 8), ids(6, 8, 0, 0), 1)).toEqual(['limits.edits']);
    const strings = [{ name: 'x', range: [0, 1114111], strings: true }] as const;
    const kitten = ids(...Buffer.from('kitten\0'));
    expect(change(kitten, ids(...Buffer.from('sitting')), 3, strings)).toEqual([]);
    expect(change(kitten, ids(...Buffer.from('sitting')), 2, strings)).toEqual(['limits.edits']);
  });
});

describe('legal values', () => {
  test('are the range, that of each channel, or the value of the seed', () => {
    expect(brokenBy(evidence([1.01, 0.5, 0.5]))).toEqual(['limits.range']);
    const seed = new Map([['x', numbers(1.01, 0.5, 0.5)]]);
    expect(brokenBy(evidence([1.01, 0.5, 0.5], {}, { seed }))).toEqual([]);
    const channels = [
      [0, 1],
      [0, 0.2],
      [0, 1],
    ] as const;
    expect(brokenBy(evidence([0.9, 0.3, 0.9], { inputs: [{ ...X, channels }] }))).toEqual(['limits.range']);
    expect(brokenBy(evidence([0.9, 0.1, 0.9], { inputs: [{ ...X, channels }] }))).toEqual([]);
  });

  test('of an input without mutators are those of the seed', () => {
    expect(brokenBy(evidence([0.6, 0.5, 0.5], { mutator: { x: 'none' } }))).toEqual(['limits.range']);
  });

  test('are those of the seed under a mask and in fixed columns', () => {
    const masks = new Map([['x', Uint8Array.of(0, 1, 0)]]);
    expect(brokenBy(evidence([0.6, 0.5, 0.5], {}, { masks }))).toEqual([]);
    expect(brokenBy(evidence([0.5, 0.6, 0.5], {}, { masks }))).toEqual(['limits.fixed']);
    expect(judgeClauses(evidence([0.5, 0.6, 0.5], {}, { masks: undefined })).unchecked).toEqual([
      'limits.fixed',
    ]);
    const table = [{ kind: 'range' }, { kind: 'fixed' }, { kind: 'category', values: [0, 1] }];
    expect(brokenBy(evidence([0.6, 0.5, 1], { table }))).toEqual([]);
    expect(brokenBy(evidence([0.6, 0.6, 1], { table }))).toEqual(['limits.table']);
    expect(brokenBy(evidence([0.6, 0.5, 0.7], { table }))).toEqual(['limits.table']);
  });
});

describe('the goal', () => {
  const finding = (details: object, others: object = {}): Pick<ThreatEvidence, 'finding'> => ({
    finding: {
      objective: 'misclassified',
      generation: 1,
      label: 0,
      violation: { tensors: [], details: { label: 0, class: 1, confidence: 0.7, ...details } },
      ...others,
    },
  });
  const judge = (block: Partial<ThreatModelSettings>, given: Pick<ThreatEvidence, 'finding'>) =>
    brokenBy(evidence([0.5, 0.5, 0.5], { block }, given));

  test('is shown by its objectives, by modules, and by a process that ends', () => {
    expect(judge({}, finding({}, { objective: 'nonfinite' }))).toEqual(['goal.kind']);
    expect(judge({}, finding({}, { objective: 'crash' }))).toEqual([]);
    expect(judge({}, finding({}, { objective: 'own' }))).toEqual([]);
    expect(judge({}, finding({ class: 0 }))).toEqual(['goal.kind']);
  });

  test('names classes and a confidence', () => {
    const goal = { kind: 'targeted' as const, to: [1, 2], from: [0], confident: 0.7 };
    expect(judge({ goal }, finding({}))).toEqual([]);
    expect(judge({ goal }, finding({ class: 3 }))).toEqual(['goal.to']);
    expect(judge({ goal }, finding({ confidence: 0.69 }))).toEqual(['goal.confident']);
    expect(judge({ goal }, finding({ label: 3 }, { label: 3 }))).toEqual(['goal.from']);
    expect(judge({}, finding({}, { label: 2 }))).toEqual(['goal.label']);
  });

  test('of an attacker who moved before is reached by inputs that were there', () => {
    expect(judge({ turn: 'before' }, finding({}))).toEqual(['turn']);
    expect(judge({ turn: 'before' }, finding({}, { generation: 0 }))).toEqual([]);
  });
});

describe('content-preserving changes', () => {
  const block = { may: 'content-preserving', limits: { linf: 0.1 } } as const;
  const judge = (trail: readonly string[] | undefined) =>
    judgeClauses(evidence([0.5, 0.5, 0.5], { block, linf: 0.1 }, { trail }));

  test('are made by mutators that keep the meaning, in all generations', () => {
    expect(judge(['x:gaussian', 'x:rotate']).broken).toEqual([]);
    expect(judge(['x:gaussian', 'x:splice', 'x:rotate']).broken).toMatchObject([{ clause: 'may' }]);
    expect(judge(undefined).unchecked).toEqual(['may']);
  });

  test('exclude the mutators that say so themselves', () => {
    const said = MUTATORS.list().filter(({ mayChangeMeaning }) => mayChangeMeaning === true);
    expect([...ALTERING_MUTATORS].sort()).toEqual(said.map(({ name }) => name).sort());
  });
});

describe('content-preserving changes without a limit', () => {
  const judge = (trail: readonly string[] | undefined, specs: readonly string[]) =>
    brokenBy(
      evidence([0.6, 0.5, 0.5], { block: { may: 'content-preserving' }, mutator: { x: specs } }, { trail }),
    );

  test('are one mild corruption, rotation or shift', () => {
    expect(judge([], [])).toEqual([]);
    for (const spec of ['fog:severity=1', 'fog:severity=2', 'rotate:most=10', 'translate:most=0.1'])
      expect(judge([`x:${spec.split(':')[0]}`], [spec])).toEqual([]);
    expect(judge(['x:fog', 'x:fog'], ['fog:severity=1'])).toEqual(['may']);
  });

  test.each(['fog', 'fog:severity=3', 'rotate', 'rotate:most=11', 'translate:most=0.11', 'gaussian'])(
    'are not %s',
    (spec) => {
      expect(judge([`x:${spec.split(':')[0]}`], [spec])).toEqual(['may']);
      expect(judge([`x:${spec.split(':')[0]}`], [`${spec.split(':')[0]}:severity=1`, spec])).toEqual(['may']);
    },
  );
});

describe('a condition', () => {
  test.each([
    ['sum(x) > 1.4', [0.5, 0.5, 0.5], []],
    ['sum(x) > 1.6', [0.5, 0.5, 0.5], ['limits.valid']],
    ['abs(sum(x) - sum(seed)) < 0.1', [0.6, 0.4, 0.5], []],
    ['abs(sum(x) - sum(seed.x)) < 0.1', [0.6, 0.6, 0.5], ['limits.valid']],
    ['sum(x) > 1.4', [0.5, 0.5, Number.NaN], ['limits.range', 'limits.valid']],
  ] as const)('%s of %p', (valid, values, broken) => {
    expect(brokenBy(evidence(values, { valid }))).toEqual(broken);
  });

  test('is not checked without the seed', () => {
    const { unchecked } = judgeClauses(
      evidence([0.5, 0.5, 0.5], { valid: 'sum(x) > 0' }, { seed: undefined }),
    );
    expect(unchecked).toContain('limits.valid');
  });
});

describe('queries', () => {
  const queries = { each: 100, total: 1000 };

  test('are those that the finding says, of a seed and so of all', () => {
    expect(judgeClauses(evidence([0.5, 0.5, 0.5], { block: { queries } })).clauses).toEqual(
      expect.arrayContaining(['queries.each', 'queries.total']),
    );
    expect(brokenBy(evidence([0.5, 0.5, 0.5], { block: { queries } }, { queries: 101 }))).toEqual([
      'queries.each',
    ]);
    expect(brokenBy(evidence([0.5, 0.5, 0.5], { block: { queries } }, { queries: 1001 }))).toEqual([
      'queries.each',
      'queries.total',
    ]);
  });

  test.each([undefined, -1, 0.5, Number.NaN])('that are %p are none', (count) => {
    expect(
      brokenBy(evidence([0.5, 0.5, 0.5], { block: { queries: { each: 8 } } }, { queries: count })),
    ).toEqual(['queries.each']);
  });
});

describe('tries', () => {
  test.each([
    [0, []],
    [1, []],
    [2, ['repeats']],
    [undefined, ['repeats']],
  ])('the first submission counts: %p breaks %j', (queries, broken) => {
    const block = { knows: { model: 'nothing', surrogate: 'other.onnx' }, repeats: false } as const;
    expect(brokenBy(evidence([0.5, 0.6, 0.5], { block }, { queries }))).toEqual(broken);
  });

  test.each([
    ['27/30', []],
    ['30/30', []],
    ['26/30', ['knows.randomness']],
    ['10/10', ['knows.randomness']],
    ['40/30', ['knows.randomness']],
    ['many', ['knows.randomness']],
    // Not run again yet.
    [undefined, []],
  ])('a random model must fail in nine of ten reruns: %p breaks %j', (reproduced, broken) => {
    const given = evidence([0.5, 0.6, 0.5], { block: { knows: { randomness: false } } });
    const finding = { ...given.finding, ...(reproduced === undefined ? {} : { reproduced }) };
    expect(brokenBy({ ...given, finding })).toEqual(broken);
    // One that is not confirmed claims nothing.
    expect(brokenBy({ ...given, finding: { ...finding, status: 'flaky' } })).toEqual([]);
    const crash = { ...finding, objective: 'crash' };
    expect(brokenBy({ ...given, finding: crash })).toEqual([]);
  });
});

describe('plausible', () => {
  test.each([
    ['judge.onnx < 0.5', 0.49, []],
    ['judge.onnx < 0.5', 0.5, ['plausible']],
    ['judge.onnx[3] >= -1e-2', -0.01, []],
    ['judge.onnx[3] >= -1e-2', -0.011, ['plausible']],
    ['judge.onnx < 0.5', Number.NaN, ['plausible']],
    ['judge.onnx < 0.5', Number.NEGATIVE_INFINITY, ['plausible']],
    ['judge.onnx < 0.5', undefined, ['plausible']],
  ])('%s with %p breaks %j', (plausible, value, broken) => {
    const block = { may: 'non-suspicious', plausible } as const;
    expect(brokenBy(evidence([0.5, 0.6, 0.5], { block }, { plausible: value }))).toEqual(broken);
  });
});

test('the objective is one of the campaign, and a failure has the signature of one', () => {
  const given = evidence([0.5, 0.6, 0.5], { objective: ['misclassified:top=1'] });
  expect(brokenBy(given)).toEqual([]);
  const as = (objective: string, signature: string): string[] =>
    brokenBy({ ...given, finding: { ...given.finding, objective, signature } });
  expect(as('mine', 'mine-1')).toEqual(['goal.kind']);
  expect(as('crash', 'misclassified-logits')).toEqual(['goal.kind']);
  expect(as('crash', 'crash-sigsegv')).toEqual([]);
  expect(as('memory', 'memory')).toEqual([]);
  // The author of a module knows what it judges.
  const modular = evidence([0.5, 0.6, 0.5], { objective: ['./mine.js:most=2'] });
  expect(brokenBy({ ...modular, finding: { ...modular.finding, objective: 'mine' } })).toEqual([]);
});
