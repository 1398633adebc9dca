import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { testFolder } from '../support/folder.ts';
import { runOf, tensorOf } from '../support/observations.ts';

// Jest has no hooks of the module loader; these modules import nothing that needs one.
const { createRequire } = await import('node:module');
jest.unstable_mockModule('node:module', () => ({ createRequire, register() {} }));
const { resolveCriterion } = await import('../../src/coverage/registry.ts');
const { boundsOf, givenOf, traitsOf } = await import('../support/mutators.ts');
const { makeMutator, resolveMutatorSpec } = await import('../../src/mutators/registry.ts');
const { makeObjective, OBJECTIVES } = await import('../../src/objectives/registry.ts');
const { makeScheduler, SCHEDULERS } = await import('../../src/schedulers/registry.ts');
const { randomStream } = await import('../../src/core/random.ts');

const folder = testFolder();
let modules = 0;

function module(text: string): string {
  const path = join(folder, `plugin-${modules++}.mjs`);
  writeFileSync(path, text);
  return path;
}

const OLD = "{ name: 'n', help: '', between: [1, 9], whole: true }";
const NEW = "{ name: 'n', default: 4, min: 1, max: 9, integer: true }";

describe('a plug-in in the old form and in the new one', () => {
  test('is a mutator', async () => {
    const body = `domains: ['numbers'], make: (value) => ({ mutate(out, offset, parent, given) {
      out[offset] = value(N); out[offset + 1] = given.MEMBER; } })`;
    const old = `const N = { name: 'n', default: 4, help: '', between: [1, 9] }; export default { name: 'own', mate: 'rival', alters: true, parameters: [N], ${body.replace('MEMBER', 'turn')} };`;
    const recent = `const N = ${NEW}; export default { name: 'own', partner: 'rival', mayChangeMeaning: true, parameters: [N], ${body.replace('MEMBER', 'mutantIndex')} };`;
    for (const text of [old, recent]) {
      const path = module(text);
      const [configured] = await resolveMutatorSpec(`${path}:n=9`);
      const { kind } = configured;
      expect(kind).toMatchObject({
        name: 'own',
        plugin: path,
        partner: 'rival',
        mayChangeMeaning: true,
        cost: 10,
      });
      expect(kind.parameters).toEqual([expect.objectContaining({ name: 'n', default: 4, min: 1, max: 9 })]);
      const input = traitsOf({ size: 2 });
      const out = new Float32Array(2);
      const context = givenOf('key', boundsOf('float32', 2, input), [2], { mutantIndex: 5 });
      makeMutator(configured, input).mutate(out, 0, new Float32Array(2), context);
      expect([...out]).toEqual([9, 5]);
      const [unset] = await resolveMutatorSpec(path);
      expect(unset.values(kind.parameters[0])).toBe(4);
      await expect(resolveMutatorSpec(`${path}:n=10`)).rejects.toThrow(
        /:n must be a (whole )?number from 1 to 9/,
      );
    }
  });

  test('is an objective', async () => {
    const judging = (text: string) =>
      `({ excuses: 'are so', sided: true, judge(run, report) { report(0, { summary: String(${text}) }); } })`;
    const old = module(
      `export default { name: 'own', parameters: [${OLD}], text: 'any', make: ({ values: { n = 4 }, words, text, name }) => ${judging("[n, text, name, Object.keys(words)].join('|')")} };`,
    );
    const recent = module(
      `const N = ${NEW}; export default { name: 'own', parameters: [N], text: 'any', make: (values, { words, text, name }) => ${judging("[values(N), text, name, Object.keys(words)].join('|')")} };`,
    );
    for (const path of [old, recent]) {
      const summaryOf = async (settings: string): Promise<string[]> => {
        const objective = await makeObjective(`${path}${settings}`);
        const summaries: string[] = [];
        objective.judge(runOf(tensorOf('a', [[1]])), (_row, { summary }) => summaries.push(summary));
        expect([objective.seedExemption, objective.isTwoSided, objective.plugin]).toEqual([
          'are so',
          true,
          path,
        ]);
        return [objective.name, ...summaries];
      };
      expect(await summaryOf('')).toEqual(['own', '4|||']);
      expect(await summaryOf(':name=x,n=9,x < 1')).toEqual(['own-x', '9|x < 1|x|']);
      await expect(makeObjective(`${path}:n=1.5`)).rejects.toThrow(/:n must be a whole number from 1 to 9/);
    }
  });

  test('is a criterion', async () => {
    const observing = (value: string) => `() => new Float32Array(1).fill(${value})`;
    const old = module(
      `export default { parameters: [${OLD}], make: ({ seed, varying }) => ({ vectors: ${observing('seed.length + (varying ? 10 : 0)')} }) };`,
    );
    const recent = module(
      `const N = ${NEW}; export default { name: 'own', parameters: [N], make: (values, { seed, varying }) => ({ observe: ${observing('values(N) + seed.length + (varying ? 10 : 0)')} }) };`,
    );
    const observed = async (spec: string): Promise<number> => {
      const criterion = await resolveCriterion(spec, { seed: 'abc', varying: true });
      return criterion.observe(runOf(tensorOf('a', [[1]])))[0];
    };
    expect(await observed(old)).toBe(13);
    expect(await observed(recent)).toBe(17);
    expect(await observed(`${recent}:n=1`)).toBe(14);
    await expect(observed(`${recent}:n=0`)).rejects.toThrow(
      /--measure: .*:n must be a whole number from 1 to 9/,
    );
  });

  test('is a scheduler', async () => {
    const old = module('export default { make: () => ({ pick: ({ count }) => count - 1 }) };');
    const recent = module(
      `const N = ${NEW}; export default { name: 'own', parameters: [N], make: (values) => ({ pick: () => values(N) }) };`,
    );
    const pick = async (scheduler: string, count: number): Promise<number> => {
      const made = await makeScheduler({ scheduler, guidance: 'auto' });
      return made.pick({ count, seeds: 1 }, randomStream('picks'));
    };
    expect(await pick(old, 7)).toBe(6);
    expect(await pick(recent, 7)).toBe(4);
    expect(await pick(`${recent}:n=6`, 7)).toBe(6);
    await expect(pick(recent, 3)).rejects.toThrow('pick must return the index of one of 3 entries, not 4');
    await expect(pick(`${recent}:n=0`, 3)).rejects.toThrow(
      /--scheduler: .*:n must be a whole number from 1 to 9/,
    );
  });
});

describe('a module that is no plug-in is refused by its flag and path:', () => {
  test.each<[string, RegExp]>([
    ['export const x = 1;', /has no objective as its default export; see docs\/plug-ins\.md$/],
    ['export default { make() {} };', /needs a name of lower-case letters, digits and hyphens/],
    ["export default { name: 'Own', make() {} };", /needs a name of lower-case letters/],
    ["export default { name: 'own' };", /needs a function make/],
    ["export default { name: 'crash', make() {} };", /has a name that is taken, crash/],
    [`export default { name: '${'a'.repeat(41)}', make() {} };`, /needs a name of at most 40 characters/],
    [
      "export default { name: 'own', parameters: 3, make() {} };",
      /needs parameters, each with name, min and max/,
    ],
    [
      "export default { name: 'own', parameters: [{ name: 'n', min: 1 }], make() {} };",
      /each with name, min and max/,
    ],
    ["export default { name: 'own', make() {} };", /returns no object with a function judge/],
    [
      "export default { name: 'own', make() { throw new Error('no luck'); } };",
      /fails: no luck; fix it or remove it/,
    ],
    ["throw new Error('not today');", /cannot be loaded: not today/],
  ])('%s', async (text, message) => {
    const path = module(text);
    const refused = OBJECTIVES.resolve(path).then(({ kind, values }) =>
      kind.make(values, { words: {}, text: '', name: '' }),
    );
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(`--objective: the plug-in ${path} `);
  });

  test('a scheduler may lack a name, which is used nowhere', async () => {
    await expect(SCHEDULERS.resolve(module('export default {};'))).rejects.toThrow(
      /--scheduler: the plug-in .* has no scheduler as its default export/,
    );
    const path = module('export default { make: () => ({ pick: () => 0 }) };');
    expect((await SCHEDULERS.resolve(path)).kind).toMatchObject({ name: path, parameters: [], plugin: path });
  });
});
