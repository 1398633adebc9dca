import { describe, expect, test } from '@jest/globals';
import {
  type ConfirmationOutcome,
  FaultRegistry,
  isConfirmedFault,
} from '../../../src/campaign/findings/fault-registry.ts';
import type { Finding } from '../../../src/storage/finding.ts';

function stored(
  signature: string,
  id: string,
  status: Finding['status'] = 'confirmed',
  objective = 'nonfinite',
): ConfirmationOutcome {
  const finding = { signature, id, status, objective, summary: `NaN of ${id}`, task: 4, execs: 99 };
  const onDisk = { finding: finding as Finding, path: `findings/${signature}/${id}` };
  return { signature, objective, status, stored: onDisk };
}

/** A hit that came up again like those that are on disk already. */
function passedOver(signature: string): ConfirmationOutcome {
  return { signature, objective: 'nonfinite', status: 'flaky', stored: undefined };
}

const registry = () => new FaultRegistry({ maxPerSignature: 2, timedObjectives: ['slow'] });

describe('faults', () => {
  test('are one a signature, with the first finding’s task, time and folder', () => {
    const faults = registry();
    expect(faults.register([stored('a', '1'), stored('a', '2'), stored('b', '3')], 12)).toHaveLength(2);
    expect(faults.faults[0]).toMatchObject({
      signature: 'a',
      firstTask: 4,
      firstExecs: 99,
      firstSeconds: 12,
      kept: 2,
      path: 'findings/a/1',
    });
    expect(faults.has('b', '3')).toBe(true);
    expect(faults.has('b', '1')).toBe(false);
  });

  test('count hits once their first finding is registered', () => {
    const faults = registry();
    faults.countHits([{ signature: 'a', hits: 5 }]);
    faults.register([stored('a', '1')], 0);
    faults.countHits([{ signature: 'a', hits: 7 }]);
    expect(faults.hitCount).toBe(7);
  });

  test('are confirmed by a finding that is not flaky, whose folder is then theirs', () => {
    const faults = registry();
    faults.register([stored('a', '1', 'flaky')], 0);
    expect(faults.confirmed).toEqual([]);
    faults.register([stored('a', '2')], 0);
    expect(faults.confirmed).toMatchObject([{ kept: 1, flaky: 1, path: 'findings/a/2' }]);
  });
});

describe('a fault is represented by', () => {
  test('a finding that shows alone rather than one that needs its batch, and that rather than a flaky one', () => {
    const faults = registry();
    faults.register([stored('a', '1', 'flaky')], 0);
    faults.register([stored('a', '2', 'batch-dependent')], 0);
    expect(faults.faults).toMatchObject([{ path: 'findings/a/2', summary: 'NaN of 2' }]);
    faults.register([stored('a', '3'), stored('a', '4')], 0);
    expect(faults.faults).toMatchObject([
      { path: 'findings/a/3', summary: 'NaN of 3', kept: 3, batchDependent: 1, flaky: 1 },
    ]);
  });

  test('is new again once one of its findings comes up every time', () => {
    const faults = registry();
    const register = (outcome: ConfirmationOutcome) => faults.register([outcome], 0).length;
    expect(register(stored('a', '1', 'flaky'))).toBe(1);
    expect(register(passedOver('a'))).toBe(0);
    expect(register(stored('a', '2'))).toBe(1);
    expect(register(stored('a', '3'))).toBe(0);
  });
});

describe('saturation', () => {
  test('comes with enough findings', () => {
    const faults = registry();
    faults.register([stored('a', '1')], 0);
    expect(faults.saturatedSignatures).toEqual([]);
    faults.register([stored('a', '2')], 0);
    expect([faults.saturatedSignatures, faults.countedSignatures]).toEqual([['a'], ['a']]);
  });

  test('does not come with flaky findings, nor with those that need their batch', () => {
    for (const status of ['flaky', 'batch-dependent'] as const) {
      const faults = registry();
      faults.register([stored('a', '1', status), stored('a', '2', status)], 0);
      expect(faults.saturatedSignatures).toEqual([]);
      // No hit is run again before there are more of them.
      expect(faults.countedSignatures).toEqual(['a']);
      faults.countHits([{ signature: 'a', hits: 1 }]);
      expect(faults.countedSignatures).toEqual([]);
      faults.register([passedOver('a')], 0);
      expect(faults.countedSignatures).toEqual(['a']);
      expect(faults.countsOf('a')).toMatchObject({ misses: 3, flaky: status === 'flaky' ? 2 : 0 });
    }
  });
});

test('crashes, hangs and slow runs depend on the machine', () => {
  const faults = registry();
  const depends = (signature: string, objective: string) => faults.dependsOnMachine({ signature, objective });
  expect(depends('hang', 'hang')).toBe(true);
  expect(depends('slow', 'slow')).toBe(true);
  expect(depends('nonfinite-nan-log', 'nonfinite')).toBe(false);
});

test('a saved registry comes back the same', () => {
  const faults = registry();
  faults.register([stored('a', '1'), stored('b', '2', 'flaky')], 3);
  faults.countHits([{ signature: 'a', hits: 4 }]);
  const restored = registry();
  restored.restore(JSON.parse(JSON.stringify(faults.save())));
  expect(restored.save()).toEqual(faults.save());
});

test('what a version saved that closed faults by flaky findings goes on', () => {
  const faults = registry();
  faults.register([stored('a', '1', 'flaky'), stored('a', '2', 'flaky')], 0);
  const saved = JSON.parse(JSON.stringify(faults.save()));
  for (const fault of saved.faults)
    for (const key of ['batchDependent', 'misses', 'nextTry']) delete fault[key];
  const restored = registry();
  restored.restore(saved);
  expect(restored.countsOf('a')).toMatchObject({ flaky: 2, misses: 2, batchDependent: 0, nextTry: 0 });
  expect(restored.saturatedSignatures).toEqual([]);
});

test('a tie is kept and counted, and is no fault that ends a campaign with 1', () => {
  const faults = registry();
  faults.register([stored('quantization-tie-y', '1', 'confirmed', 'quantization')], 0);
  expect([faults.faults.length, faults.confirmed.length]).toEqual([1, 0]);
  expect(faults.faults.some(isConfirmedFault)).toBe(false);
  faults.register([stored('quantization-class-y', '2', 'confirmed', 'quantization')], 0);
  expect(faults.confirmed.map(({ signature }) => signature)).toEqual(['quantization-class-y']);
  expect(faults.faults.some(isConfirmedFault)).toBe(true);
});
