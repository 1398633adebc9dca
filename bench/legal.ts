import type { ConstraintLimits } from '../src/constraints/constraint-limits.ts';
import { findBrokenConstraints } from '../src/constraints/find-broken-constraints.ts';
import { drawNormal, type Random, randomStream } from '../src/core/random.ts';
import { MutantGenerator, type TaskStep, wholeTask } from '../src/fuzzer/generation/mutant-generator.ts';
import { MAX_STACK_DEPTH, makeArms } from '../src/fuzzer/scheduling/mutator-arms.ts';
import { NO_ARM } from '../src/fuzzer/scheduling/mutator-stack.ts';
import { MUTANTS_PER_PICK } from '../src/fuzzer/scheduling/task-sizes.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import type { TestcaseBatch } from '../src/model/testcase-batch.ts';

/** An input with seeds, mutators and constraints. */
export interface LegalCase {
  readonly input: InputDescriptor;
  readonly seeds: readonly TestcaseBatch[];
  /** Specs of the mutators, all drawn with the same probability. */
  readonly mutators: readonly string[];
  readonly limits: ConstraintLimits;
  /** Whether the length of the input is dynamic. */
  readonly resizes: boolean;
}

/** Result of checking the mutants of a case. */
export interface Legality {
  readonly made: number;
  /** Mutants that differ from their parent. */
  readonly changed: number;
  /** Mutants that were rejected and generated again, and rows without a legal mutant. */
  readonly rejected: number;
  readonly void: number;
  /** Descriptions of violated constraints. */
  readonly broken: readonly string[];
}

const BATCH = 64;
const PICKS = 64;

/**
 * Generates mutants as a worker process does, by two stacked mutators, and checks each with code that is independent
 * of the mutators.
 */
export async function checkLegality(
  { input, seeds, mutators, limits, resizes }: LegalCase,
  tasks: number,
): Promise<Legality> {
  const arms = await makeArms([mutators], [input]);
  const length = input.tokens?.length ?? [1, 1];
  const resizing = resizes
    ? { leader: 0, followers: [], minLength: length[0], maxLength: length[1] }
    : undefined;
  const maker = new MutantGenerator({
    descriptors: [input],
    arms,
    limits,
    lengthChanges: resizing,
    masterSeed: 'legal',
    batch: BATCH,
  });
  const entries = seeds.map((data, entry) => ({
    entryIndex: entry,
    ancestorIndex: entry,
    referenceIndex: entry,
    data,
    activations: new Float32Array(1),
  }));
  const random = randomStream('legal', JSON.stringify(limits), mutators.join());
  const broken: string[] = [];
  const counts = { made: 0, changed: 0, rejected: 0, void: 0 };
  for (let number = 1; number <= tasks; number++) {
    const parents = Array.from({ length: PICKS }, () => random.below(seeds.length));
    const chains = parents.map(() => chainOfTwo(arms[0], limits, random));
    const task = {
      number,
      mutants: PICKS * MUTANTS_PER_PICK,
      firstExec: 0,
      parents,
      partners: parents.map(() => random.below(seeds.length)),
      stacks: chains.flat(),
      saturatedSignatures: [],
      indexSize: 0,
      threshold: 0,
    };
    const step = { ...wholeTask(task), slopes: drawSlopes(parents, seeds, random) };
    for (const { form, rows } of maker.batches(
      task,
      { entryData: (entry) => entries[entry] },
      () => {},
      step,
    )) {
      for (let row = 0; row < rows; row++) {
        if (maker.isVoid(row)) {
          counts.void++;
          continue;
        }
        const pick = maker.pickOf(row);
        const ancestor = seeds[parents[pick]];
        const testcase = maker.rows(form, row, row + 1);
        const rebases = chains[pick].some((arm) => arm !== NO_ARM && arms[0][arm].geometric);
        const roots = { ancestor, reference: rebases ? testcase : ancestor };
        broken.push(...findBrokenConstraints(testcase, roots, limits, [input], [true]));
        counts.made++;
        if (differs(testcase, ancestor)) counts.changed++;
      }
    }
    counts.rejected += maker.rejected;
  }
  return { ...counts, broken };
}

/** Slopes of any direction and distance, as those of a goal may be, for half of the picks; half of them lead beside a tie. */
function drawSlopes(
  parents: readonly number[],
  seeds: readonly TestcaseBatch[],
  random: Random,
): NonNullable<TaskStep['slopes']> {
  const picks = parents.flatMap((_, pick) => (random.uniform() < 0.5 ? [pick] : []));
  return new Map(
    picks.map((pick) => {
      const slopes = seeds[parents[pick]].inputs.map(({ length }) => {
        const derivatives = Float32Array.from({ length }, () =>
          random.uniform() < 0.2 ? 0 : drawNormal(random),
        );
        const distance = 10 ** (6 * random.uniform() - 3);
        const beyond = { lead: 0.1 * drawNormal(random), spread: 0.1 };
        return { derivatives, distance, ...(random.uniform() < 0.5 ? { beyond } : {}) };
      });
      return [pick, slopes];
    }),
  );
}

/** A stack of two mutators; a geometric one alone under DeepHunter's rule, as in a campaign. */
function chainOfTwo(
  arms: readonly { readonly geometric: boolean }[],
  limits: ConstraintLimits,
  random: Random,
): number[] {
  const [first, second] = [random.below(arms.length), random.below(arms.length)];
  const alone =
    limits.deephunter === undefined ? undefined : [first, second].find((arm) => arms[arm].geometric);
  const chain = alone === undefined ? [first, second] : [alone];
  return Array.from({ length: MAX_STACK_DEPTH }, (_, place) => chain[place] ?? NO_ARM);
}

function differs({ inputs: [values] }: TestcaseBatch, { inputs: [from] }: TestcaseBatch): boolean {
  return values.length !== from.length || (values as Float32Array).some((value, i) => value !== from[i]);
}
