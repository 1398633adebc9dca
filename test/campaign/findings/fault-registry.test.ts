import { describe, expect, test } from '@jest/globals';
import { FaultRegistry, type StoredFinding } from '../../../src/campaign/findings/fault-registry.ts';
import type { Finding } from '../../../src/storage/finding.ts';

function stored(signature: string, id: string, status: Finding['status'] = 'confirmed'): StoredFinding {
  const finding = { signature, id, status, objective: 'nonfinite', summary: 'NaN', task: 4, execs: 99 };
  return { finding: finding as Finding, path: `findings/${signature}/${id}` };
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

describe('saturation', () => {
  test('comes with enough findings, those that are about to be registered included', () => {
    const faults = registry();
    expect(faults.isSaturatedWith('a', [stored('a', '1')])).toBe(false);
    expect(faults.isSaturatedWith('a', [stored('a', '1'), stored('a', '2')])).toBe(true);
    faults.register([stored('a', '1'), stored('a', '2')], 0);
    expect(faults.saturatedSignatures).toEqual(['a']);
  });

  test('counts flaky and confirmed findings apart', () => {
    const faults = registry();
    faults.register([stored('a', '1'), stored('a', '2', 'flaky')], 0);
    expect(faults.saturatedSignatures).toEqual([]);
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
