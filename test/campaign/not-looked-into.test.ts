import { describe, expect, test } from '@jest/globals';
import type { SiteStatistics } from '../../src/campaign/monitor/site-statistics.ts';
import {
  type NotLookedInto,
  notLookedInto,
  notLookedIntoLines,
  overflowingHalfSums,
} from '../../src/campaign/not-looked-into.ts';
import { NO_SIZE_CHANGES } from '../../src/campaign/resolve/sizes/size-changes.ts';
import type { GraphNode } from '../../src/model/graph/graph.ts';
import type { ModelInfo } from '../../src/model/model.ts';
import type { DType } from '../../src/tensor/tensor.ts';
import { functionModel } from '../support/function-model.ts';
import { testcaseOf } from '../support/tasks.ts';

type Scope = Parameters<typeof notLookedInto>[0];

/** A campaign on a model with one input x of an open length, whose seeds all have two values. */
function scope(
  nodes: readonly GraphNode[] = [],
  types: Readonly<Record<string, DType>> = {},
  inputs: Partial<Scope['inputs']> = {},
): Scope {
  const { graph, ...model } = functionModel(
    { inputs: [{ name: 'x', type: 'float32', shape: [null, null] }], outputs: ['y'] },
    () => [],
  );
  return {
    model: {
      ...model,
      graph: { ...graph, nodes, types: new Map(Object.entries(types)) },
    } as unknown as ModelInfo,
    sites: [],
    sizeChanges: NO_SIZE_CHANGES,
    mutator: undefined,
    guidance: 'auto',
    inputs: {
      seeds: [testcaseOf([1, 2])],
      descriptors: [{ name: 'x', range: { low: 0, high: 1 } }] as unknown as Scope['inputs']['descriptors'],
      mutators: [['gaussian']],
      lengthChanges: { leader: 0, followers: [], minLength: 1, maxLength: 9 },
      ...inputs,
    },
  };
}

const node = (op: string, fields: Partial<GraphNode> = {}): GraphNode => ({
  name: op,
  op,
  inputs: ['x'],
  outputs: ['y'],
  ...fields,
});
const textsOf = (of: Scope): string[] => notLookedInto(of).map(({ text }) => text);

describe('what a campaign does not look into', () => {
  test('is nothing where all is', () => expect(notLookedInto(scope([node('Exp')]))).toEqual([]));

  test('are inputs that no mutator changes', () =>
    expect(notLookedInto(scope([], {}, { mutators: [[]] }))).toEqual([
      {
        kind: 'inputs',
        text: 'other values of x (no site depends on it; --mutator x=numbers --range x=lo,hi mutates it)',
      },
    ]));

  test('are sizes that are open and the same in all testcases', () => {
    expect(textsOf(scope([], {}, { lengthChanges: undefined }))).toEqual(['sizes of x other than 2']);
    const seeds = [testcaseOf([1, 2]), testcaseOf([1, 2, 3])];
    expect(textsOf(scope([], {}, { lengthChanges: undefined, seeds }))).toEqual([]);
  });

  test('are sizes beyond those that were tried', () => {
    const sizeChanges = { ...NO_SIZE_CHANGES, untried: ['sizes of T above 9'] };
    const fixed = scope([], {}, { lengthChanges: undefined });
    expect(textsOf({ ...fixed, sizeChanges })).toEqual(['sizes of T above 9']);
  });

  test('are operations of which nothing is known, each with its number', () => {
    const unknown = node('Mystery', { domain: 'org.example' });
    expect(textsOf(scope([unknown, unknown, node('LRN')]))).toEqual([
      'operations without numerical analysis: Mystery (2), LRN',
    ]);
  });

  test('is what sites compute where no task is directed at them', () => {
    const sites = [{ name: 'log' }] as unknown as Scope['sites'];
    expect(textsOf({ ...scope(), sites })).toEqual([]);
    expect(textsOf({ ...scope(), sites, guidance: 'none' })).toEqual([
      'results of numerical sites that coverage does not watch (--guidance auto watches them): log',
    ]);
  });

  test('is half precision where the runtime computes it wider', () => {
    const half = { x: 'float16', y: 'float16' } as const;
    expect(notLookedInto(scope([node('MatMul')], half)).map(({ kind }) => kind)).toEqual(['precision']);
    expect(notLookedInto(scope([node('MatMul')]))).toEqual([]);
    // Emulated, it is looked into.
    const emulated = scope([node('MatMul')], half);
    const arithmetic = { format: 'float16', accumulate: 'float32' } as NonNullable<Scope['model']['half']>;
    expect(notLookedInto({ ...emulated, model: { ...emulated.model, half: arithmetic } })).toEqual([]);
    // Rounding to halves and back is what the runtime does as the graph has it.
    expect(notLookedInto(scope([node('Cast')], half))).toEqual([]);
  });

  test('are sums whose overflow no result shows', () => {
    const site = { site: 'var', op: 'ReduceMean', kind: 'half-sum', status: 'triggered', signature: null };
    const rows = [
      site,
      { ...site, site: 'found', signature: 'absorbed-inf-found' },
      { ...site, site: 'far', status: 'open' },
      { ...site, site: 'log', kind: 'log' },
    ] as SiteStatistics[];
    expect(overflowingHalfSums(rows).map(({ text }) => text)).toEqual([
      'sums above 65504 that would overflow in half precision: var (ReduceMean)',
    ]);
    expect(overflowingHalfSums([])).toEqual([]);
    // In emulated half precision a result shows what it is, and a sum that is rounded on the way.
    const sites = [...rows, { ...site, site: 'plus', op: 'Add' }] as SiteStatistics[];
    const textsOfHalf = (accumulate: 'float16' | 'float32', ...roundedOnce: string[]): string[] =>
      overflowingHalfSums(sites, { accumulate, roundedOnce }).map(({ text }) => text);
    expect(textsOfHalf('float32')).toEqual([
      'sums above 65504 that would overflow in half precision (use --half accumulate=float16 to emulate that): var (ReduceMean)',
    ]);
    expect(textsOfHalf('float16')).toEqual([]);
    expect(textsOfHalf('float16', 'var').length).toBe(1);
  });
});

test('the summary has three lines at most, and what is of one kind in one of them', () => {
  const of = (kind: NotLookedInto['kind'], text: string): NotLookedInto => ({ kind, text });
  const all = [
    of('inputs', 'a'),
    of('sizes', 'b'),
    of('operations', 'c'),
    of('precision', 'd'),
    of('inputs', 'e'),
  ];
  expect(notLookedIntoLines(all)).toEqual(['not checked: a; e', 'not checked: b', 'not checked: c; d']);
  expect(notLookedIntoLines(all.slice(0, 2)).length).toBe(2);
  expect(notLookedIntoLines([])).toEqual([]);
});
