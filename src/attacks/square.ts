import { makeWorkingArray, type WorkingArray } from '../constraints/bounds.ts';
import { type Random, randomStream } from '../core/random.ts';
import { parameterValues } from '../extensions/parameters.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { patchShare, square as squareMutator } from '../mutators/numeric/square.ts';
import { NoisePool } from '../mutators/simd/noise-pool.ts';
import { type AttackedInput, AttackedValues, type AttackKind, WorstFinder } from './attack.ts';
import { LINF, linfLimit } from './linf.ts';

/** Queries that the attack's schedule of sizes is for. */
const SCHEDULE_QUERIES = 10_000;

const QUERIES = {
  name: 'queries',
  help: 'queries for one input; as --queries',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

/** An input with its search. */
interface Search {
  readonly input: AttackedInput;
  readonly random: Random;
  readonly worst: WorstFinder;
  readonly bounds: ReturnType<AttackedValues['boundsAround']>;
  /** Values of the worst testcase so far. */
  values: WorkingArray;
}

/** The Square attack by a score: Andriushchenko, Croce, Flammarion & Hein, ECCV 2020, algorithm 1 with the sampling of algorithm 2. */
export const square: AttackKind = {
  name: 'square',
  help: 'squares at the ends of an L∞ ball, kept while they make the answer worse; needs the scores alone',
  source: 'Square Attack (Andriushchenko et al. 2020)',
  parameters: [LINF, QUERIES],
  needsPicture: false,
  isCombinable: true,
  maxQueries: ({ queries }, parameters) => parameters(QUERIES) ?? queries,
  make(parameters, context) {
    const { seed, descriptor, threshold } = context;
    const values = new AttackedValues(context);
    const noise = new NoisePool(seed);
    const mutator = squareMutator.make(parameterValues(), descriptor);
    const queries = parameters(QUERIES) ?? context.queries;
    const start = (input: AttackedInput): Search => ({
      input,
      random: randomStream(seed, 'square', input.index),
      worst: new WorstFinder(input, threshold),
      bounds: values.boundsAround(input.data, linfLimit(input.data, values, context, parameters(LINF))),
      values: values.valuesOf(input.data),
    });
    const propose = ({ input, random, bounds, values: parent }: Search, query: number): TestcaseData => {
      const out = makeWorkingArray(descriptor.type, parent.length);
      mutator.mutate(out, 0, parent, {
        random,
        noise,
        arithmetic: noise.vectorMath,
        bounds,
        shape: values.shapeOf(input.data),
        partner: parent,
        mutantIndex: 0,
        mutantCount: 1,
        strength: query === 0 ? 1 : patchShare((query * SCHEDULE_QUERIES) / queries),
      });
      return values.withValues(input.data, out, bounds);
    };
    return {
      async run(inputs, oracle) {
        const searches = inputs.map(start);
        for (let query = 0; query < queries; query++) {
          const active = searches.filter(({ worst }) => !worst.isDone);
          if (active.length === 0) break;
          const candidates = active.map((search) => ({
            data: propose(search, query),
            label: search.input.label,
          }));
          const answers = await oracle.ask(candidates);
          active.forEach((search, i) => {
            const { data } = candidates[i];
            if (search.worst.take(data, answers[i])) search.values = values.valuesOf(data);
          });
          oracle.onShare((query + 1) / queries);
        }
        return searches.map(({ worst }) => worst.outcome);
      },
    };
  },
};
