import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { testFolder } from '../support/folder.ts';
import { runOf, tensorOf } from '../support/observations.ts';

// Jest has no hooks of the module loader; these modules import nothing that needs one.
const { createRequire } = await import('node:module');
jest.unstable_mockModule('node:module', () => ({ createRequire, register() {} }));
const { makeReferenceCollector, resolveCriterion } = await import('../../src/coverage/registry.ts');

const folder = testFolder();
const settings = { seed: 'seed', varying: false };
const run = runOf(tensorOf('a', [[1], [2]]));
let modules = 0;

function module(text: string): string {
  const path = join(folder, `plugin-${modules++}.mjs`);
  writeFileSync(path, text);
  return path;
}

const observing = (body: string, rest = ''): string =>
  module(`export default { name: 'own', make: () => ({ observe: ({ rows }) => ${body} }) ${rest} };`);

describe('a criterion of a plug-in', () => {
  test('observes, and names its feedback: distance unless given', async () => {
    const path = observing('new Float32Array(3 * rows)');
    expect((await resolveCriterion(path, settings)).observe(run)).toHaveLength(6);
    expect((await resolveCriterion(path, settings)).feedback).toBe('distance');
    const set = observing('new Float32Array(rows)', ", feedback: 'set'");
    expect((await resolveCriterion(set, settings)).feedback).toBe('set');
  });

  test('may have the old name of observe, and a calibration of its own', async () => {
    const path = module(
      'export default { make: () => ({ vectors: ({ rows }) => new Float32Array(rows), calibrate: (walk) => walk.length }) };',
    );
    const criterion = await resolveCriterion(path, settings);
    expect(criterion.observe(run)).toHaveLength(2);
    expect(criterion.calibrate([{ vector: Float32Array.of(1), from: Float32Array.of(2) }])).toBe(1);
  });

  test('collects what it needs to know of reference inputs', async () => {
    const withCollector = (finish: string): string =>
      module(`
        export default {
          make: (values, { reference }) => ({ observe: ({ rows }) => new Float32Array(rows).fill(reference.sum[0]) }),
          collectReference() {
            let sum = 0;
            return { add: ({ activations }) => { for (const value of activations[0].data) sum += value; }, finish: () => ${finish} };
          },
        };`);
    const path = withCollector('({ sum: Float32Array.of(sum) })');
    const collector = await makeReferenceCollector(path, settings, false);
    collector?.add(run);
    collector?.add(run);
    const reference = collector?.finish();
    expect(reference).toEqual({ sum: Float32Array.of(6) });
    const { observe } = await resolveCriterion(path, { ...settings, ...(reference && { reference }) });
    expect([...observe(run)]).toEqual([6, 6]);
    const wrong = withCollector('({ sum })');
    const refused = await makeReferenceCollector(wrong, settings, false);
    expect(() => refused?.finish()).toThrow('finish must give an object whose values are Float32Arrays');
  });

  test('may tell its layers, with the elements that inputs can cover there', async () => {
    const path = module(
      `export default { feedback: 'set', make: () => ({
        observe: ({ rows }) => new Float32Array(rows),
        layers: () => [{ name: 'a', from: 0, count: 1, elements: 8 }],
      }) };`,
    );
    const { layers } = await resolveCriterion(path, settings);
    expect(layers?.()).toEqual([{ name: 'a', from: 0, count: 1, elements: 8 }]);
    expect((await resolveCriterion(observing('new Float32Array(rows)'), settings)).layers).toBeUndefined();
  });

  test('is refused by name where it has an unknown feedback, nothing to observe with, or another width than before', async () => {
    const bag = observing('new Float32Array(rows)', ", feedback: 'bag'");
    await expect(resolveCriterion(bag, settings)).rejects.toThrow(
      `the plug-in ${bag} has the feedback "bag": it must be distance or set`,
    );
    const blind = module('export default { make: () => ({}) };');
    await expect(resolveCriterion(blind, settings)).rejects.toThrow(
      'returns no object with a function observe',
    );
    const criterion = await resolveCriterion(observing('new Float32Array(rows === 2 ? 4 : 1)'), settings);
    criterion.observe(run);
    expect(() => criterion.observe(runOf(tensorOf('a', [[1]])))).toThrow(
      'observe must give a Float32Array of rows times width, 1 times 2',
    );
  });
});
