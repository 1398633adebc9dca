import { beforeAll, describe, expect, test } from '@jest/globals';
import type { ModelSession, withModelSession } from '../../src/workers/model-session.ts';
import { ModelSession as SessionWithFakes } from '../../src/workers/model-session.ts';
import type { ModelApi } from '../../src/workers/services/model-service.ts';
import { built } from '../support/built.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSoftmaxOnnx, writeSoftmaxTfjs } from '../support/models.ts';
import { crash, spawner } from '../support/process.ts';
import { testcaseOf } from '../support/tasks.ts';

const folder = testFolder();
let sessions: {
  readonly ModelSession: typeof ModelSession;
  readonly withModelSession: typeof withModelSession;
};

beforeAll(async () => {
  sessions = await built('workers/model-session.js');
});

const CONFIG = { runtime: 'auto', timeout: '30s' } as const;

describe('a session', () => {
  test('says why a run fails whose sizes are a guess', async () => {
    const model = writeSoftmaxOnnx(folder);
    const messages = await sessions.withModelSession({ ...CONFIG, model }, async (open) => [
      await open.tryRun(testcaseOf([1, 0, 0, 0])),
      await open.tryRun(testcaseOf([1, 0, 0])),
    ]);
    expect(messages).toEqual([undefined, expect.stringMatching(/dimension/i)]);
  });

  test('runs testcases batch by batch and returns outputs and tensors row by row', async () => {
    const model = writeSoftmaxOnnx(folder);
    const { name, outputs, batches } = await sessions.withModelSession(
      { ...CONFIG, model },
      async (open) => ({
        name: open.info.path,
        outputs: open.info.outputs,
        batches: await open.run([testcaseOf([1, 0, 0, 0]), testcaseOf([0, 1, 0, 0])], ['logits']),
      }),
    );
    expect([name, outputs]).toEqual([model, ['probabilities']]);
    expect(batches.map(({ rows }) => rows)).toEqual([2]);
    const [logits] = batches[0]?.activations ?? [];
    expect(logits).toMatchObject({ name: 'logits', size: 3, shape: [3] });
    expect([...(logits?.data ?? [])]).toEqual([1, -1, 0.5, 0.25, 2, -0.5]);
  });

  test('runs in batches of 64, and of one shape', async () => {
    const model = writeLogOnnx(folder);
    const testcases = Array.from({ length: 70 }, (_, i) => testcaseOf([i, i, i, i]));
    const batches = await sessions.withModelSession({ ...CONFIG, model }, (open) => open.run(testcases));
    expect(batches.map(({ rows }) => rows)).toEqual([64, 6]);
    expect(await sessions.withModelSession({ ...CONFIG, model }, (open) => open.run([]))).toEqual([]);
  });

  test('compares two models, and derives a copy', async () => {
    const model = writeSoftmaxOnnx(folder);
    const seeds = [testcaseOf([1, 2, 3, 4]), testcaseOf([-1, 0, 1, 0])];
    await sessions.withModelSession({ ...CONFIG, model }, async (open) => {
      const files = await open.quantize('float16', []);
      expect([...files.keys()]).toEqual(['softmax-float16.onnx']);
      const second = await open.loadSecondModel({ path: writeSoftmaxTfjs(folder), runtime: 'cpu' });
      expect([second.format, open.info.secondModel?.path]).toEqual(['tfjs-graph', second.path]);
      const request = { objective: 'differential', maxListed: 1, divergenceDecibels: 20, hasMemory: true };
      const comparison = await open.compare({ testcases: seeds, ...request });
      expect(comparison).toMatchObject({ testcases: 2, violations: 0 });
      expect(comparison.worst).toHaveLength(1);
      expect(comparison.outputs[0]?.difference.most).toBeLessThan(1e-6);
    });
  });

  test('needs a model', async () => {
    await expect(sessions.withModelSession(CONFIG, async () => {})).rejects.toThrow(/^no model given/);
    await expect(new sessions.ModelSession().run([])).rejects.toThrow('no model is loaded');
  });
});

describe('a session whose process the model ends', () => {
  const dying = (method: string) => {
    // The first may be chance.
    let deaths = 2;
    const processes = spawner<ModelApi>({
      load: () => ({ model: { path: 'm.onnx' }, sites: [] }),
      run: () => [],
      [method]: () => {
        if (deaths-- > 0) throw crash();
        return [];
      },
    });
    return { started: processes.started, open: new SessionWithFakes({}, processes.spawn) };
  };

  test('refuses the call by the path of the model, and loads it anew for the next', async () => {
    const { started, open } = dying('run');
    await open.load('m.onnx', { runtime: 'auto' });
    await expect(open.run([testcaseOf([1])])).rejects.toThrow(/^m\.onnx: running it ends the process/);
    expect(await open.run([testcaseOf([1])])).toEqual([]);
    expect(started.map((process) => process.methods())).toEqual([
      ['load', 'probe', 'run'],
      ['load', 'probe', 'run'],
      ['load', 'probe', 'probe', 'run'],
    ]);
  });

  test('is asked again where that was chance, and where a signal from outside did it', async () => {
    const deaths = [crash(), crash('SIGKILL'), crash('SIGTERM')];
    const { spawn, started } = spawner<ModelApi>({
      load: () => ({ model: { path: 'm.onnx' }, sites: [] }),
      run: () => {
        const death = deaths.shift();
        if (death !== undefined) throw death;
        return [];
      },
    });
    const open = new SessionWithFakes({}, spawn);
    await open.load('m.onnx', { runtime: 'auto' });
    expect(await open.run([testcaseOf([1])])).toEqual([]);
    expect(started.map((process) => process.methods())).toEqual(Array(4).fill(['load', 'probe', 'run']));
  });

  test('has no shapes, and says why', async () => {
    const { open } = dying('shapes');
    await open.load('m.onnx', { runtime: 'auto' });
    expect((await open.shapes(['y'])).failure).toBe('the process ended with SIGSEGV');
  });

  test('refuses the first load by its path', async () => {
    const { open } = dying('load');
    await expect(open.load('a.onnx', { runtime: 'auto' })).rejects.toThrow(/^a\.onnx: loading it ends/);
  });

  test('blames the second model where loading that ends it', async () => {
    let loads = 0;
    const { spawn } = spawner<ModelApi>({
      load: () => {
        if (loads++ > 0) throw crash();
        return { model: { path: 'a.onnx' }, sites: [] };
      },
    });
    const open = new SessionWithFakes({}, spawn);
    await open.load('a.onnx', { runtime: 'auto' });
    await expect(open.loadSecondModel({ path: 'b.onnx', runtime: 'auto' })).rejects.toThrow(
      /^b\.onnx: loading it ends/,
    );
  });
});
