import { expect, test } from '@jest/globals';
import { MachineError } from '../../../src/core/errors.ts';
import { loadHnswlib } from '../../../src/coverage/index/load-hnswlib.ts';

test('an index that npm could not compile is told with what to install', () => {
  const load = (): never => {
    throw new Error("Cannot find module 'hnswlib-node'\nRequire stack: here");
  };
  expect(() => loadHnswlib(load)).toThrow(MachineError);
  expect(() => loadHnswlib(load)).toThrow(
    /^the neighbour index hnswlib-node does not load \(Cannot find module 'hnswlib-node'\): npm compiles it\. Install .*, then install neurofuzz again, with install scripts allowed$/,
  );
});

test('the index of this machine loads', () => {
  expect(new (loadHnswlib().HierarchicalNSW)('l2', 3).getNumDimensions()).toBe(3);
});
