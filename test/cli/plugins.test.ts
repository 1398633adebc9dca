import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { PLUGIN_TEMPLATES, type PluginTemplateName } from '../../src/setup/plugin-template.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
let model: string;
let seeds: string;
let runs = 0;
const fresh = (): string => join(folder, `out-${runs++}`);

beforeAll(() => {
  model = writeSoftmaxOnnx(folder);
  seeds = writeSeeds(folder, [
    [0.1, 0.2, 0.3, 0.4],
    [0.4, 0.3, 0.2, 0.1],
  ]);
});

function module(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const fuzz = (out: string, ...flags: string[]) =>
  neurofuzz(['fuzz', model, '-i', seeds, '--range=-2,2', '-s', '1', '-n', '3000', '-o', out, ...flags]);

/** Code blocks of the page, by what their default export is. */
function blocksOf(page: string): Map<PluginTemplateName, string> {
  const blocks = [...readFileSync(page, 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);
  const names = {
    objective: 'defineObjective',
    mutator: 'defineMutator',
    coverage: 'defineCoverage',
    scheduler: 'defineScheduler',
  };
  return new Map(
    Object.entries(names).map(([kind, name]) => {
      const own = blocks.filter((code) => code.includes(`export default ${name}(`));
      expect(own).toHaveLength(1);
      return [kind as PluginTemplateName, own[0]];
    }),
  );
}

describe('docs/plug-ins.md', () => {
  const blocks = blocksOf('docs/plug-ins.md');

  test.each(Object.keys(PLUGIN_TEMPLATES) as PluginTemplateName[])(
    'shows a %s that init writes and that works as it stands',
    async (kind) => {
      const file = module(`docs-${kind}.js`, blocks.get(kind) ?? '');
      const written = join(folder, `written-${kind}.js`);
      expect((await neurofuzz(['init', '--plugin', kind, '-o', written])).code).toBe(0);
      expect(readFileSync(written, 'utf8')).toBe(blocks.get(kind));
      expect((await neurofuzz(['init', '--plugin', kind, '-o', written])).stderr).toMatch(/already exists/);
      const { flag } = PLUGIN_TEMPLATES[kind];
      const [one, two] = [fresh(), fresh()];
      const spec = kind === 'objective' ? `${file}:bound=0.5` : file;
      const { code, stderr } = await fuzz(one, flag, spec, '-j', '1', '--threshold', '0.01');
      expect({ code, stderr }).toEqual({ code: kind === 'objective' ? 1 : 0, stderr: expect.any(String) });
      await fuzz(two, flag, spec, '-j', '3', '--threshold', '0.01');
      expect(digests(two, 'corpus', 'findings')).toEqual(digests(one, 'corpus', 'findings'));
      if (kind === 'objective') {
        expect(existsSync(join(one, 'findings', 'too-sure'))).toBe(true);
        // From the campaign's own file, where the path is relative to it.
        expect((await neurofuzz(['replay', one])).stdout).toMatch(/^still broken 10\/10 {2}too-sure/);
        const longer = await neurofuzzProcess(['fuzz', '--resume', '-o', one, '-n', '4000', '--quiet']);
        expect(longer.code).toBe(1);
      }
    },
  );
});

describe('a plug-in that fails', () => {
  const judging = (body: string): string =>
    `export default { name: 'own', parameters: [], make: () => ({ judge(run, report) {
      for (let row = 0; row < run.rows; row++) { const x = run.inputs[0].data[4 * row]; ${body} } } }) };`;

  test('in one testcase ends its objective there, on any number of cores, and not the campaign', async () => {
    const path = module('throws.js', judging("if (x > 1.5) throw new Error('x is large');"));
    const [one, two] = [fresh(), fresh()];
    const { code, stderr } = await fuzz(one, '-O', path, 'assert:name=p,probabilities < 0.9', '-j', '1');
    expect(code).toBe(1);
    const line = stderr.split('\n').filter((text) => text.includes('x is large'));
    expect(line).toHaveLength(1);
    expect(line[0]).toMatch(
      /the plug-in .*throws\.js fails: x is large, on .*plugin-failures\/own\/[0-9a-f]{16}\.npz; own is no longer checked/,
    );
    await fuzz(two, '-O', path, 'assert:name=p,probabilities < 0.9', '-j', '3');
    const parts = ['corpus', 'findings', 'plugin-failures'];
    expect(digests(two, ...parts)).toEqual(digests(one, ...parts));
    expect(Object.keys(digests(one, 'plugin-failures'))).toHaveLength(1);
    expect(readJson(one, 'stats.json').execs).toBe(3000);
  });

  test('and is the only one ends the campaign with 2', async () => {
    const path = module('all.js', judging("throw new Error('nothing suits me');"));
    const { code, stderr } = await fuzz(fresh(), '-O', path);
    expect(code).toBe(2);
    expect(stderr).toMatch(/the plug-in .*all\.js fails: nothing suits me, on the seeds already/);
    const later = module('later.js', judging("if (x > 1) throw new Error('x is large');"));
    const ended = await fuzz(fresh(), '-O', later);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(
      /x is large.*\n[\s\S]*neurofuzz: the plug-ins that were to judge all failed/,
    );
  });

  test('to come to an end is broken off and named', async () => {
    const path = module('loops.js', judging('while (x > 1.5) {}'));
    const { code, stderr } = await fuzz(fresh(), '-O', path, 'nonfinite', '--timeout', '4s');
    expect(code).toBe(0);
    expect(stderr).toMatch(/the plug-in .*loops\.js does not finish within 1 s, on .*plugin-failures/);
  });

  test('to report what it may is named', async () => {
    const path = module('names.js', judging("if (x > 1.5) report(row, { signature: '../x' });"));
    expect((await fuzz(fresh(), '-O', path, 'nonfinite')).stderr).toMatch(
      /its signature '\.\.\/x' must be own, or begin with own-/,
    );
    const rows = module('rows.js', judging('if (x > 1.5) report(row + 1e6, {});'));
    expect((await fuzz(fresh(), '-O', rows, 'nonfinite')).stderr).toMatch(
      /it reports row 10000\d\d of a run of/,
    );
  });

  test.each<[string, string, string, RegExp]>([
    ['nothing.js', 'export const x = 1;', '-O', /nothing\.js has no objective as its default export/],
    ['unnamed.js', 'export default { make() {} };', '-O', /needs a name of lower-case letters/],
    [
      'taken.js',
      "export default { name: 'crash', parameters: [], make() {} };",
      '-O',
      /has a name that is taken, crash/,
    ],
    [
      'empty.js',
      "export default { name: 'own', parameters: [], make() {} };",
      '-O',
      /returns no object with a function judge/,
    ],
    ['broken.js', 'export default {', '-O', /broken\.js cannot be loaded: /],
    ['early.js', "throw new Error('not today');", '-O', /early\.js cannot be loaded: not today/],
    ['exits.js', 'process.exit(3);', '-O', /exits\.js ends the process with exit 3 while it is loaded/],
    ['coverage.js', 'export default {};', '--measure', /coverage\.js has no coverage as its default export/],
    [
      'scheduler.js',
      'export default {};',
      '--scheduler',
      /scheduler\.js has no scheduler as its default export/,
    ],
    [
      'picks.js',
      "export default { name: 'p', make: () => ({ pick: () => -1 }) };",
      '--scheduler',
      /picks\.js fails: pick must return the index of one of \d+ entries, not -1/,
    ],
    [
      'stuck.js',
      "export default { name: 'p', make: () => ({ pick: () => { for (;;); } }) };",
      '--scheduler',
      /stuck\.js does not finish within 1 s/,
    ],
    [
      'width.js',
      "export default { name: 'p', make: () => ({ vectors: () => [1] }) };",
      '--measure',
      /width\.js fails: vectors must give a Float32Array/,
    ],
    [
      'stuck-mutator.js',
      "export default { name: 'p', domains: ['numbers'], parameters: [], make: () => ({ mutate() { for (;;); } }) };",
      '-m',
      /stuck-mutator\.js does not finish within 1 s; fix it or remove it/,
    ],
  ])('%s is refused by name', async (name, text, flag, message) => {
    const { code, stderr } = await fuzz(fresh(), flag, module(name, text), '--timeout', '4s');
    expect(code).toBe(2);
    const lines = stderr.split('\n').filter((line) => line.startsWith('neurofuzz: '));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(message);
  });

  test('to end while it is loaded is refused by name', async () => {
    const out = fresh();
    const { code, stderr } = await fuzz(out, '-O', module('never.js', 'for (;;);'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/never\.js does not finish while it is loaded/);
    expect(existsSync(out)).toBe(false);
  });
});

test('what a plug-in finds by the time of runs is confirmed beside its seed, and kept apart', async () => {
  // Not of the clock, so that it is the same on any machine: the shape of what it is given is what counts.
  const path = module(
    'timed.js',
    `export default { name: 'late', parameters: [], make: () => ({ timed: true, judge(run, report) {
      if (run.time !== undefined && run.time.took > 0 && run.inputs[0].data[0] > 1.5) report(0, {}); } }) };`,
  );
  const out = fresh();
  const { code } = await fuzz(out, '-O', path, '--keep', '1', '-n', '300', '--threshold', '1');
  expect(code).toBe(1);
  expect(Object.keys(digests(out, 'findings'))).toEqual([]);
  const [finding] = findingFolders(out);
  expect(finding).toMatch(/findings\/unrepeatable\/late\//);
  expect(readJson(finding, 'finding.json')).toMatchObject({ objective: 'late', reproduced: '10/10' });
  expect(existsSync(join(finding, 'reference.npz'))).toBe(true);
});

test('a plug-in in TypeScript is loaded where Node reads it, and else refused with what to do', async () => {
  const path = module(
    'typed.ts',
    `import { defineObjective, type Run } from 'neurofuzz';
     export default defineObjective({ name: 'typed', make: () => ({
       judge(run: Run, report) { for (let row = 0; row < run.rows; row++) if (Number(run.inputs[0].data[4 * row]) > 1) report(row, {}); } }) });`,
  );
  const { code, stderr } = await fuzz(fresh(), '-O', path);
  if (code === 2)
    expect(stderr).toMatch(
      /typed\.ts cannot be loaded: Node [\d.]+ cannot read TypeScript: compile it to JavaScript, or use Node 22\.18 or later/,
    );
  else expect(code).toBe(1);
});

test('objectives lists them all', async () => {
  const { stdout, code } = await neurofuzzProcess(['objectives', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).objectives.map((one: { name: string }) => one.name)).toEqual([
    'nonfinite',
    'quantization',
    'differential',
    'assert',
    'metamorphic',
    'misclassified',
    'confident-error',
    'defence',
    'universal',
    'consistent',
    'saliency-insensitive',
    'attention-law',
    'slow',
    'text',
  ]);
  expect((await neurofuzz(['objectives'])).stdout).toMatch(/confident=0: minimum class gap/);
});
