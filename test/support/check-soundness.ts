import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { BoundPropagation } from '../../src/analysis/bounds/bound-propagation.ts';
import { RelationalBounds } from '../../src/analysis/bounds/relational-bounds.ts';
import { WorkBudget } from '../../src/analysis/bounds/work-budget.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import type { NamedTensor } from '../../src/model/model.ts';
import { networkSteps, writeNetwork } from './random-network.ts';

const ROWS = 16;

/** Numbers of a row within the box of each position: its ends, what is near zero, or what lies between; now and then NaN. */
const share = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1) },
  { weight: 1, arbitrary: fc.constantFrom('zero', 'tiny', '-tiny', 'nan') },
);

const boxes = fc.record({
  centres: fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 4, maxLength: 4 }),
  radius: fc.constantFrom(0, 1e-3, 0.1, 1, 2),
  // Boxes around zero hold subnormal numbers.
  aroundZero: fc.boolean(),
});

function valueWithin(at: number | string, low: number, high: number): number {
  if (at === 'nan') return Number.NaN;
  const value =
    typeof at === 'number' ? low + (high - low) * at : at === 'zero' ? 0 : at === 'tiny' ? 1e-40 : -3e-39;
  return Math.fround(Math.min(high, Math.max(low, value)));
}

/** Throws where a number of a run lies outside its bounds. What comes of a NaN is not spoken of: an operation has gone wrong. */
function check(
  activations: readonly NamedTensor[],
  propagation: BoundPropagation,
  wrong: ReadonlySet<number>,
): number {
  const failed = new Set(wrong);
  let finite = 0;
  for (const { name, data, shape } of activations) {
    const bounds = propagation.boundsOf(name);
    const interval = propagation.intervalOf(name);
    const size = data.length / ROWS;
    if (bounds !== undefined && bounds.shape.slice(1).join() !== shape.slice(1).join())
      throw new Error(`${name} has the shape ${shape}, not ${bounds.shape}`);
    (data as Float32Array).forEach((value, i) => {
      const row = Math.floor(i / size);
      if (Number.isNaN(value)) failed.add(row);
      if (failed.has(row)) return;
      const low = bounds?.low[i % size] ?? interval.low;
      const high = bounds?.high[i % size] ?? interval.high;
      if (Number.isFinite(low) && Number.isFinite(high)) finite++;
      if (!(value >= low && value <= high))
        throw new Error(`${name}[${i % size}] = ${value} is outside [${low}, ${high}]`);
    });
  }
  return finite;
}

/** What was looked at. */
export interface SoundnessCounts {
  /** Values of runs that were compared with bounds that have ends. */
  readonly finite: number;
  /** Elements whose bounds relations made narrower. */
  readonly narrower: number;
}

/**
 * Runs random networks on the runtime and compares every value with the bounds of its element, and with those by relations.
 *
 * @throws Error where a value lies outside
 */
export async function checkSoundness(folder: string, runs: number): Promise<SoundnessCounts> {
  const path = join(folder, 'network.onnx');
  let finite = 0;
  let narrower = 0;
  await fc.assert(
    fc.asyncProperty(
      networkSteps,
      boxes,
      fc.array(share, { minLength: 4 * ROWS, maxLength: 4 * ROWS }),
      async (steps, { centres, radius, aroundZero }, shares) => {
        const { bytes, tensors } = writeNetwork(steps);
        writeFileSync(path, bytes);
        const model = await loadModel(path, { runtime: 'onnx' });
        const low = Float64Array.from(centres, (c) => Math.fround((aroundZero ? 0 : c) - radius));
        const high = Float64Array.from(centres, (c) => Math.fround((aroundZero ? 0 : c) + radius));
        const data = Float32Array.from(shares, (at, i) => valueWithin(at, low[i % 4], high[i % 4]));
        const feeds = [{ type: 'float32' as const, shape: [ROWS, 4], data }];
        const { activations } = await model.run(feeds, tensors);
        // Fused operations round otherwise; another session takes as long as all else.
        const { outputs } = steps[0].variant < 3 ? await model.run(feeds, []) : { outputs: [] };
        await model.dispose();
        const wrong = new Set(
          [...data].flatMap((value, i) => (Number.isNaN(value) ? [Math.floor(i / 4)] : [])),
        );
        const box = new Map([['x', { shape: [1, 4], isBatched: true, low, high }]]);
        const byElement = new BoundPropagation(model, box, new Map(), new WorkBudget(1e7));
        for (const node of byElement.graph.nodes) byElement.evaluate(node);
        finite += check(activations, byElement, wrong);
        const relational = new RelationalBounds(model, box, new Map(), tensors, 1e8);
        for (const tensor of tensors) relational.narrow(tensor);
        check(activations, relational.propagation, wrong);
        const failed = new Set(wrong);
        for (const { data: values } of activations)
          (values as Float32Array).forEach((value, i) => {
            if (Number.isNaN(value)) failed.add(Math.floor((i * ROWS) / values.length));
          });
        check(outputs, byElement, failed);
        for (const tensor of tensors) {
          const [before, after] = [byElement.boundsOf(tensor), relational.propagation.boundsOf(tensor)];
          before?.low.forEach((end, i) => {
            if (after !== undefined && after.high[i] - after.low[i] < (before.high[i] - end) * 0.99)
              narrower++;
          });
        }
      },
    ),
    { numRuns: runs },
  );
  return { finite, narrower };
}
