import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  DistanceSurprise,
  distancesFromOthers,
} from '../../../src/coverage/criteria/surprise/distance-surprise.ts';
import { LikelihoodSurprise } from '../../../src/coverage/criteria/surprise/likelihood-surprise.ts';
import {
  type ReferenceTraces,
  readTraces,
} from '../../../src/coverage/criteria/surprise/reference-traces.ts';
import { LayerCovariances } from '../../../src/coverage/feedback/covariance-feedback.ts';
import { setFeedback } from '../../../src/coverage/feedback/set-feedback.ts';
import type { CoverageReference } from '../../../src/coverage/reference.ts';
import { makeReferenceCollector, resolveCriterion } from '../../../src/coverage/registry.ts';
import { predictedClassOf } from '../../../src/inputs/predicted-class.ts';
import type { BatchResult } from '../../../src/model/batched-model.ts';

/** What the authors' code says of random activations; see make.py beside it. */
interface Recorded {
  readonly reference: Readonly<Record<'hidden' | 'logits', readonly (readonly number[])[]>>;
  readonly tests: Recorded['reference'];
  readonly neuron: readonly number[];
  readonly 'k-multisection': readonly number[];
  readonly boundary: readonly number[];
  readonly 'strong-activation': readonly number[];
  readonly 'top-k': readonly number[];
  readonly nlc: number;
  readonly gains: readonly number[];
  readonly dsa: readonly number[];
  readonly lsa: readonly number[];
}

const recorded = JSON.parse(readFileSync('test/fixtures/coverage/recorded.json', 'utf8')) as Recorded;
const settings = { seed: 'any', varying: false };

function runOf({ hidden, logits }: Recorded['reference']): BatchResult {
  const tensor = (name: string, rows: readonly (readonly number[])[]) => ({
    name,
    type: 'float32' as const,
    size: rows[0].length,
    shape: [rows[0].length],
    data: Float32Array.from(rows.flat()),
  });
  const outputs = [tensor('logits', logits)];
  return { rows: hidden.length, inputs: [], outputs, activations: [tensor('hidden', hidden), ...outputs] };
}

const tests = runOf(recorded.tests);

async function referenceOf(spec: string, isGiven = false): Promise<CoverageReference | undefined> {
  const collector = await makeReferenceCollector(spec, settings, isGiven);
  collector?.add(runOf(recorded.reference));
  return collector?.finish();
}

describe("the authors' code gives the same", () => {
  test.each([
    ['neuron:threshold=0.75', 'neuron'],
    ['k-multisection:sections=10', 'k-multisection'],
    ['boundary', 'boundary'],
    ['strong-activation', 'strong-activation'],
    ['top-k:k=1', 'top-k'],
  ] as const)('coverage of %s after each input', async (spec, name) => {
    const reference = await referenceOf(spec);
    const { observe, layers } = await resolveCriterion(spec, {
      ...settings,
      ...(reference && { reference }),
    });
    const observations = observe(tests);
    const width = observations.length / tests.rows;
    const total = layers?.().reduce((sum, { elements }) => sum + elements, 0) ?? 0;
    const history = setFeedback.openHistory(width);
    let covered = 0;
    const shares = Array.from({ length: tests.rows }, (_, row) => {
      const observation = observations.subarray(row * width, (row + 1) * width);
      covered += history.score(observation);
      history.add(observation);
      return covered / total;
    });
    expect(shares[0]).toBeLessThan(1);
    shares.forEach((share, row) => {
      expect(share).toBeCloseTo(recorded[name][row], 7);
    });
  });

  test('covariances, and what each input would add to them', async () => {
    const reference = await referenceOf('nlc', true);
    const covariances = LayerCovariances.restore(reference ?? {});
    expect(covariances.coverage).toBeCloseTo(recorded.nlc, 5);
    const { observe } = await resolveCriterion('nlc', settings);
    const observations = observe(tests);
    const width = observations.length / tests.rows;
    const gains = recorded.gains.map((_, row) => covariances.gain(observations, row * width));
    expect(gains.filter((gain) => gain > 0).length).toBeGreaterThan(5);
    gains.forEach((gain, row) => {
      expect(gain).toBeCloseTo(recorded.gains[row], 6);
    });
  });

  test.each([
    [
      'surprise',
      (traces: ReferenceTraces) => new DistanceSurprise(traces, distancesFromOthers(traces)),
      'dsa',
    ],
    ['surprise-likelihood', (traces: ReferenceTraces) => new LikelihoodSurprise(traces, 1e-5), 'lsa'],
  ] as const)('%s of each input', async (spec, makeMeasure, name) => {
    const measure = makeMeasure(readTraces(await referenceOf(spec)));
    const traces = Float32Array.from(
      recorded.tests.hidden.flatMap((hidden, row) => [...hidden, ...recorded.tests.logits[row]]),
    );
    recorded[name].forEach((value, row) => {
      expect(measure.of(traces, row, predictedClassOf(tests, row)) / value).toBeCloseTo(1, 4);
    });
  });
});
