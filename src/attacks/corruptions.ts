import { makeWorkingArray } from '../constraints/bounds.ts';
import { randomStream } from '../core/random.ts';
import { parameterValues } from '../extensions/parameters.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { SEVERITY } from '../mutators/corruption/severity.ts';
import { MUTATOR_GROUPS } from '../mutators/registry.ts';
import { NoisePool } from '../mutators/simd/noise-pool.ts';
import { AttackedValues, type AttackKind, WorstFinder } from './attack.ts';

/** The corruptions of ImageNet-C. */
const KINDS = MUTATOR_GROUPS.find(({ name }) => name === 'corruptions')?.kinds ?? [];

const CHOSEN_SEVERITY = { ...SEVERITY, default: 1, min: 1, help: '1 to 5, as in ImageNet-C' };

/** Every corruption of ImageNet-C, once each; the worst counts. */
export const corruptions: AttackKind = {
  name: 'corruptions',
  help: 'each corruption of ImageNet-C once: noise, blur, weather, compression',
  source: 'ImageNet-C (Hendrycks & Dietterich 2019)',
  parameters: [CHOSEN_SEVERITY],
  needsPicture: true,
  maxQueries: () => KINDS.length,
  make(parameters, context) {
    const { seed, descriptor, threshold } = context;
    const values = new AttackedValues(context);
    const severity = parameterValues(new Map([[SEVERITY.name, parameters(CHOSEN_SEVERITY)]]));
    const mutators = KINDS.map((kind) => ({ name: kind.name, mutator: kind.make(severity, descriptor) }));
    const noise = new NoisePool(seed);
    const corrupt = (data: TestcaseData, index: number): TestcaseData[] => {
      const picture = values.valuesOf(data);
      const bounds = values.boundsAround(data);
      const out = makeWorkingArray(descriptor.type, picture.length);
      return mutators.map(({ name, mutator }) => {
        const random = randomStream(seed, 'corruptions', name, index);
        noise.refresh(random);
        mutator.mutate(out, 0, picture, {
          random,
          noise,
          arithmetic: noise.vectorMath,
          bounds,
          shape: values.shapeOf(data),
          partner: picture,
          mutantIndex: 0,
          mutantCount: 1,
        });
        return values.withValues(data, out, bounds);
      });
    };
    return {
      async run(inputs, oracle) {
        const candidates = inputs.map(({ data, index }) => corrupt(data, index));
        const answers = await oracle.ask(
          inputs.flatMap(({ label }, i) => candidates[i].map((data) => ({ data, label }))),
        );
        return inputs.map((input, i) => {
          const worst = new WorstFinder(input, threshold);
          candidates[i].forEach((data, k) => void worst.take(data, answers[i * KINDS.length + k]));
          return worst.outcome;
        });
      },
    };
  },
};
