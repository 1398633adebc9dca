import { describe, expect, test } from '@jest/globals';
import type { ConfirmedHit } from '../../../src/campaign/findings/confirm.ts';
import { FaultRegistry } from '../../../src/campaign/findings/fault-registry.ts';
import { FindingWriter, type FindingWriterOptions } from '../../../src/campaign/findings/finding-writer.ts';
import type { Hit } from '../../../src/fuzzer/scheduling/task.ts';
import { testcaseId } from '../../../src/inputs/testcase.ts';
import { packBatch } from '../../../src/model/testcase-batch.ts';
import type { Finding } from '../../../src/storage/finding.ts';
import { testcaseOf } from '../../support/tasks.ts';

const KEEP = 3;

/** A hit of a fault in a batch of two, whose only value says how it comes up again: alone above 0, in its batch at 0. */
function hitOf(value: number, id = 0, signature = 'assert-x'): Hit {
  const data = testcaseOf([value, id]);
  const violation = {
    objective: 'assert',
    signature,
    summary: 'found',
    tensors: [],
    details: {},
  };
  return {
    pick: 0,
    execs: 1,
    violation,
    data,
    batch: { data: packBatch([testcaseOf([9, 9]), data]), rows: 2, row: 1 },
  };
}

const valueIn = ({ data }: Hit): number => Number(data.inputs[0][0]);

/** A writer whose confirmer and store are of the test; it counts what they do. */
function writing() {
  const faults = new FaultRegistry({ maxPerSignature: KEEP, timedObjectives: [] });
  const written = new Map<string, Finding>();
  const artifacts = new Map<string, readonly string[]>();
  const calls = { confirmed: [] as number[], tried: 0 };
  const confirmer = {
    async confirm(hit: Hit): Promise<ConfirmedHit> {
      calls.confirmed.push(valueIn(hit));
      const value = valueIn(hit);
      const status = value > 0 ? 'confirmed' : value === 0 ? 'batch-dependent' : 'flaky';
      return { reproduced: '10/10', status, summary: `rerun of ${value}`, details: { value } };
    },
    async showsAlone(hit: Hit): Promise<boolean> {
      calls.tried++;
      return valueIn(hit) > 0;
    },
    rateSeverity: async () => undefined,
  };
  const store = {
    readFinding: async (path: string) => written.get(path),
    async writeFinding(path: string, finding: Finding, files: ReadonlyMap<string, Uint8Array>) {
      written.set(path, finding);
      artifacts.set(path, [...files.keys()]);
    },
  };
  const writer = new FindingWriter({
    faults,
    confirmer,
    store,
    model: { path: 'm.onnx', sha256: '', runtime: 'onnx' },
    masterSeed: '1',
    imageFormats: [undefined],
    padIds: [undefined],
    textOf: () => undefined,
  } as unknown as FindingWriterOptions);
  const take = async (hits: readonly Hit[], counted = hits.length) => {
    const outcomes = await writer.confirmAndStore(hits, 1, undefined, false);
    const newFaults = faults.register(outcomes, 0);
    faults.countHits([{ signature: 'assert-x', hits: counted }]);
    return { outcomes, newFaults };
  };
  return { faults, written, artifacts, calls, take, writer };
}

describe('hits', () => {
  test('that show alone are preferred once one did not', async () => {
    const { faults, calls, take } = writing();
    const { outcomes } = await take([hitOf(0), hitOf(0, 1), hitOf(2), hitOf(-1)]);
    expect(calls.confirmed).toEqual([0, 2, -1]);
    expect(outcomes.map(({ status }) => status)).toEqual(['batch-dependent', 'confirmed', 'flaky']);
    // The one that shows alone represents the fault, with the figures of its own rerun.
    expect(faults.faults).toMatchObject([{ summary: 'rerun of 2', kept: 2, batchDependent: 1, flaky: 1 }]);
    expect(faults.faults[0].path).toContain(testcaseId(hitOf(2).data));
  });

  test('that are flaky are run again ever more seldom, and a fault behind them is still found', async () => {
    const { faults, calls, take } = writing();
    for (let task = 0; task < 1000; task++) {
      // A worker sends no hits of signatures that are only counted.
      if (faults.countedSignatures.includes('assert-x'))
        faults.countHits([{ signature: 'assert-x', hits: 200 }]);
      else await take([hitOf(-1, 2 * task), hitOf(-2, 2 * task + 1)], 200);
    }
    expect(faults.faults).toMatchObject([{ hits: 200_000, kept: 0, flaky: KEEP }]);
    expect(calls.confirmed.length).toBeLessThan(100);
    expect(calls.tried).toBeLessThan(200);
    let tasks = 0;
    for (; faults.confirmed.length === 0; tasks++) {
      if (faults.countedSignatures.includes('assert-x'))
        faults.countHits([{ signature: 'assert-x', hits: 200 }]);
      else await take([hitOf(-1, 9999), hitOf(3, tasks)], 200);
    }
    expect(tasks).toBeLessThan(1000 / 8 + 2);
    expect(faults.faults).toMatchObject([{ summary: 'rerun of 3' }]);
  });

  test('of a known testcase and of a saturated signature are passed over', async () => {
    const { calls, take } = writing();
    await take([hitOf(1), hitOf(1), hitOf(2)]);
    await take([hitOf(1), hitOf(3), hitOf(4)]);
    await take([hitOf(5)]);
    expect(calls.confirmed).toEqual([1, 2, 3]);
  });
});

test('a finding that needs its batch is stored with it, and with the details of the rerun', async () => {
  const { written, artifacts, take } = writing();
  await take([hitOf(0)]);
  const [[path, finding]] = [...written];
  expect(path).toBe(`findings/assert-x/${testcaseId(hitOf(0).data)}`);
  expect(finding).toMatchObject({
    status: 'batch-dependent',
    summary: 'rerun of 0',
    violation: { details: { value: 0 } },
    batch: { row: 1, rows: 2 },
  });
  expect(artifacts.get(path)).toContain('batch.npz');
});

test('a fault is new again when the first of its findings comes up every time', async () => {
  const { take } = writing();
  const signatures = async (hit: Hit) => (await take([hit])).newFaults.map(({ signature }) => signature);
  expect(await signatures(hitOf(-1))).toEqual(['assert-x']);
  expect(await signatures(hitOf(1))).toEqual(['assert-x']);
  expect(await signatures(hitOf(2))).toEqual([]);
});

test('until the first finding, hits are confirmed up to the first that is no tie', async () => {
  const { writer, calls } = writing();
  const hits = [hitOf(1, 0, 'quantization-tie-y'), hitOf(2, 1, 'quantization-class-y'), hitOf(3, 2)];
  const outcomes = await writer.confirmAndStore(hits, 1, undefined, true);
  expect(outcomes.map(({ signature }) => signature)).toEqual(['quantization-tie-y', 'quantization-class-y']);
  expect(calls.confirmed).toEqual([1, 2]);
});
