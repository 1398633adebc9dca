import { describe, expect, test } from '@jest/globals';
import { drawNormal, randomStream } from '../../../../src/core/random.ts';
import { NearestTrace } from '../../../../src/coverage/criteria/surprise/nearest-trace.ts';
import { squaredDistance } from '../../../../src/coverage/observation.ts';

/** The nearest by comparing with all, of equal ones the first. */
function compareAll(traces: Float32Array, width: number, trace: Float32Array) {
  const all = Array.from({ length: traces.length / width }, (_, i) =>
    squaredDistance(traces, i * width, trace),
  );
  const squared = Math.min(...all);
  return { index: all.indexOf(squared), squared };
}

/** Traces that vary along few directions, as activations do, and a little along all others. */
function lowRank(count: number, width: number, rank: number, noise: number): Float32Array {
  const random = randomStream('traces', width, rank);
  const mixing = Float32Array.from({ length: rank * width }, () => drawNormal(random));
  const traces = new Float32Array(count * width);
  for (let i = 0; i < count; i++) {
    const factors = Array.from({ length: rank }, () => drawNormal(random));
    for (let j = 0; j < width; j++)
      traces[i * width + j] = factors.reduce(
        (sum, factor, r) => sum + factor * mixing[r * width + j],
        5 + noise * drawNormal(random),
      );
  }
  return traces;
}

describe('the nearest trace is that which comparing with all gives', () => {
  test.each([
    ['few directions', lowRank(300, 60, 5, 0.1)],
    ['no direction more than others', lowRank(200, 60, 60, 1)],
    ['fewer values than directions', lowRank(100, 3, 2, 0.1)],
    ['one value', lowRank(50, 1, 1, 0.1)],
    ['one trace', lowRank(1, 60, 5, 0.1)],
    ['no variance', new Float32Array(20 * 60).fill(3)],
  ])('%s', (_, traces) => {
    const width = traces.length === 50 ? 1 : traces.length === 300 ? 3 : 60;
    const index = new NearestTrace(traces, width);
    const random = randomStream('queries');
    for (let query = 0; query < 200; query++) {
      const from = width * random.below(traces.length / width);
      // From equal to one of them to far away from all.
      const scale = query % 10 === 0 ? 0 : 10 ** (random.below(12) - 4);
      const trace = traces
        .slice(from, from + width)
        .map((value) => (scale === 0 ? value : value + scale * drawNormal(random)));
      expect(index.find(trace, 0)).toEqual(compareAll(traces, width, trace));
    }
  });

  test('of equal traces the first', () => {
    const once = lowRank(40, 60, 4, 0.1);
    const twice = Float32Array.from([...once, ...once]);
    const index = new NearestTrace(twice, 60);
    for (let i = 0; i < 40; i++) expect(index.find(once, i * 60)).toEqual({ index: i, squared: 0 });
  });
});
