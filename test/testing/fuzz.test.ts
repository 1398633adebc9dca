import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import type * as api from '../../src/index.ts';
import type { FuzzResult } from '../../src/index.ts';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import type { SurviveOptions, toSurvive } from '../../src/testing/matchers.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const log = writeLogOnnx(folder);
const repaired = writeRepairedOnnx();
const softmax = writeSoftmaxOnnx(folder);
const seeds = writeSeeds(folder, [
  [1, 2, 3, 4],
  [2, 3, 4, 1],
]);
const SETTINGS = { seeds, range: [-1, 5] as [number, number], seed: '1', jobs: 1 };

/** Writes log(|x| + 1): finite, with the inputs and outputs of the model of `writeLogOnnx`. */
function writeRepairedOnnx(): string {
  const graph = new OnnxBuilder();
  const distance = graph.node('Abs', [graph.input('x', 'float32', ['batch', 4])], 'distance');
  graph.node('Add', [distance, graph.constant('one', 'float32', [1], Float32Array.of(1))], 'positive');
  graph.node('Log', ['positive'], 'y');
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, 'repaired.onnx');
  writeFileSync(path, graph.finish('repaired'));
  return path;
}

let neurofuzz: typeof api;
let matcher: typeof toSurvive;

beforeAll(async () => {
  neurofuzz = await built<typeof api>('index.js');
  ({ toSurvive: matcher } = await built<{ toSurvive: typeof toSurvive }>('testing/matchers.js'));
});

/** Number of services that this process has started and that still run. */
function services(): number {
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'utf8').trim().split(' ');
  return children.filter(
    (pid) => pid !== '' && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('campaign-service'),
  ).length;
}

describe('fuzz and replay', () => {
  const out = join(folder, 'log');
  let result: FuzzResult;

  beforeAll(async () => {
    const faults: string[] = [];
    let execs = 0;
    result = await neurofuzz.fuzz({
      ...SETTINGS,
      model: log,
      execs: 600,
      keep: 2,
      out,
      onFault: ({ signature }) => faults.push(signature),
      onProgress: (progress) => {
        execs = progress.execs;
      },
    });
    expect(faults).toEqual(result.faults.map(({ signature }) => signature));
    expect(execs).toBe(result.execs);
    if (process.platform === 'linux') expect(services()).toBe(0);
  });

  test('a campaign gives its figures, and its findings as typed arrays beside their seeds', () => {
    expect(result).toMatchObject({ campaign: out, seed: '1', execs: 600, stopped: 'execs', warnings: [] });
    expect(result.corpus.seeds).toBe(2);
    expect(result.faults.map(({ signature }) => signature)).toContain('nonfinite-nan-y');
    expect(result.findings.length).toBe(2 * result.faults.length);
    for (const { signature, inputs, seed, path, replay, distance, reproduced } of result.findings) {
      const { type, shape, data } = inputs.x;
      expect({ type, shape, isTyped: data instanceof Float32Array, reproduced }).toEqual({
        type: 'float32',
        shape: [4],
        isTyped: true,
        reproduced: '10/10',
      });
      const isBroken = signature === 'nonfinite-nan-y' ? (x: number) => x < 0 : (x: number) => x === 0;
      expect((data as Float32Array).some(isBroken)).toBe(true);
      expect(seed?.x.data.filter((value, i) => value !== data[i]).length).toBe(distance.l0);
      expect(replay).toBe(`npx neurofuzz replay ${path}`);
    }
  });

  test('findings that run again have a verdict, on another model as well', async () => {
    const again = await neurofuzz.replay(result.findings[0].path);
    expect(again.map(({ verdict, id }) => ({ verdict, id }))).toEqual([
      { verdict: 'still broken', id: result.findings[0].id },
    ]);
    const [other] = await neurofuzz.replay([result.findings[0].path], { model: repaired });
    expect(other).toMatchObject({ verdict: 'fixed', note: 'the model has changed' });
  });

  test('a campaign that is aborted ends in order, with what it found until then', async () => {
    const controller = new AbortController();
    const aborted = await neurofuzz.fuzz({
      ...SETTINGS,
      model: log,
      out: join(folder, 'aborted'),
      signal: controller.signal,
      onProgress: ({ execs }) => {
        if (execs > 0) controller.abort();
      },
    });
    expect(aborted.stopped).toBe('interrupted');
    expect(aborted.execs).toBeGreaterThan(0);
    const reason = new Error('stop');
    const options = { ...SETTINGS, model: log, signal: AbortSignal.abort(reason) };
    await expect(neurofuzz.fuzz(options)).rejects.toBe(reason);
  });

  test('errors have the classes that the package exports, and messages that name the option', async () => {
    const { fuzz, replay, UserError, MachineError } = neurofuzz;
    const refusal = (options: object): Promise<unknown> =>
      fuzz({ ...SETTINGS, model: log, out, ...options }).catch((error: unknown) => error);
    for (const [options, message] of [
      [{}, /log already contains a campaign: .*--overwrite/],
      [{ seedz: 'x' }, /^options of fuzz: unknown setting seedz: did you mean seeds\?$/],
      [{ time: 'tomorrow' }, /^options of fuzz: time must be a time such as 90s/],
    ] as const) {
      const error = await refusal(options);
      expect(error).toBeInstanceOf(UserError);
      expect((error as Error).message).toMatch(message);
    }
    const few = await refusal({ model: softmax, out: join(folder, 'few'), execs: 64, minExecs: 65 });
    expect(few).toBeInstanceOf(MachineError);
    await expect(replay(join(folder, 'nothing'))).rejects.toThrow(UserError);
  });
});

describe('toSurvive', () => {
  const survive = (model: string, options: SurviveOptions = {}) =>
    matcher(model, { ...SETTINGS, ...options });

  test('a model without faults passes, and leaves no folder behind', async () => {
    const { pass, message } = await survive(softmax, { execs: 200 });
    expect(pass).toBe(true);
    expect(message()).toMatch(/softmax\.onnx not to survive, and 200 mutants showed no fault$/);
    expect(existsSync('neurofuzz-out/tests/softmax-1')).toBe(false);
  });

  test('a fault fails with the smallest input and the command that runs it again, later as a regression', async () => {
    const out = join(folder, 'regressions', 'log');
    const { pass, message } = await survive(log, { execs: 400, out });
    expect(pass).toBe(false);
    const text = message();
    expect(text).toMatch(
      /^expect\(model\)\.toSurvive\(options\)\n\n\S+log\.onnx fails after \d+ mutants \(seed 1\): nonfinite-\S+\n/,
    );
    expect(text).toMatch(
      /\nsmallest input: 1 of 4 values differs from its seed, by at most [\d.]+\n {2}x\[\d\]: \d → \S+\n/,
    );
    expect(text).toMatch(
      /\nmkdir -p (regressions\/log-[0-9a-f]{16}-[0-9a-f]{8}) && cp -r \S+campaign\.yaml \S+findings \1\n/,
    );
    expect(text.split('\n').length).toBeLessThan(12);
    const [, path] = /\nnpx neurofuzz replay (\S+)$/.exec(text) ?? [];
    expect(existsSync(join(path, 'finding.json'))).toBe(true);
    const again = await survive(log, { regressions: join(folder, 'regressions') });
    expect(again.message()).toMatch(
      /log\.onnx fails again: nonfinite-\S+ \(still broken\), a regression of [\s\S]*\nnpx neurofuzz replay \S+ --model \S+log\.onnx$/,
    );
    const fixed = await survive(repaired, { execs: 64, regressions: join(folder, 'regressions') });
    expect(fixed.pass).toBe(true);
  });

  test('a finding that its campaign does not check is not taken for a fixed one', async () => {
    const mixed = join(folder, 'mixed');
    await cp(join(folder, 'regressions', 'log'), mixed, { recursive: true });
    const settings = join(mixed, 'campaign.yaml');
    writeFileSync(
      settings,
      readFileSync(settings, 'utf8').replace(/^objective:\n( +)- .*$/m, 'objective:\n$1- consistent'),
    );
    await expect(survive(log, { regressions: mixed })).rejects.toThrow(
      /checks consistent, and nonfinite-\S+ is a finding of another campaign: keep the findings of each campaign in a folder/,
    );
  });

  test('a folder that holds no regression yet fails nothing', async () => {
    const empty = join(folder, 'none-yet');
    mkdirSync(empty);
    writeFileSync(join(empty, '.gitkeep'), '');
    expect((await survive(repaired, { execs: 64, regressions: empty })).pass).toBe(true);
  });

  test('a campaign that the signal ends is no success', async () => {
    const signal = AbortSignal.timeout(5_000);
    await expect(survive(repaired, { execs: 1_000_000_000, signal })).rejects.toMatchObject({
      name: 'InterruptedError',
    });
  });

  test('campaigns of a model that fails again and again do not fill the disk', async () => {
    const kept = join('neurofuzz-out', 'tests');
    for (let n = 1; n <= 13; n++) mkdirSync(join(kept, `log-${n}`), { recursive: true });
    mkdirSync(join(kept, 'log-of-another'));
    writeFileSync(join(kept, 'log-1', 'lock'), '');
    const yesterday = Date.now() / 1000 - 86_400;
    // The fourth is of this run of the tests, whose messages name it.
    for (const n of [1, 2, 3, 5]) utimesSync(join(kept, `log-${n}`), yesterday, yesterday);
    const names = () => readdirSync(kept).filter((name) => name.startsWith('log'));
    try {
      expect((await survive(softmax, { execs: 64 })).pass).toBe(true);
      expect(names()).toHaveLength(14);
      expect((await survive(log, { execs: 400, minimize: 0 })).pass).toBe(false);
      const numbered = [1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14].map((n) => `log-${n}`);
      expect(names().sort()).toEqual([...numbered, 'log-of-another'].sort());
      expect(existsSync(join(kept, 'log-14', 'findings'))).toBe(true);
    } finally {
      rmSync(kept, { recursive: true });
    }
  });

  test('two tests of a model that fail by the same input keep their findings apart', async () => {
    const kept = await Promise.all(
      [{}, { objective: ['nonfinite:inner=any'] }].map(async (options, i) => {
        const { message } = await survive(log, { execs: 400, out: join(folder, `same-${i}`), ...options });
        return /\nmkdir -p (\S+)-([0-9a-f]{8}) &&/.exec(message());
      }),
    );
    expect(kept[0]?.[1]).toBe(kept[1]?.[1]);
    expect(kept[0]?.[2]).not.toBe(kept[1]?.[2]);
  });

  test('a misspelt option and a file in place of a folder are refused with what was meant', async () => {
    await expect(survive(log, { regression: folder } as SurviveOptions)).rejects.toThrow(
      /unknown setting regression: did you mean regressions\?/,
    );
    await expect(neurofuzz.fuzz({ ...SETTINGS, model: log, regressions: folder } as never)).rejects.toThrow(
      /unknown setting regressions(?!.*did you mean regressions)/,
    );
    await expect(survive(log, { regressions: log })).rejects.toThrow(/log\.onnx is a file: name a folder/);
  });

  test('what is wrong with the options is shown at the line of the test', async () => {
    const error: Error = await survive(log, { time: 'long' as never }).catch((thrown) => thrown);
    expect(error.stack?.split('\n')[1]).toContain('fuzz.test.ts');
    expect(error.stack).toContain(error.message);
  });

  test('what is no path is refused', async () => {
    await expect(matcher({}, {})).rejects.toThrow(/takes the path of a model, .* not a value of type object/);
  });
});
