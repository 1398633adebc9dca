import type { Random } from '../../core/random.ts';
import type { PlannedMutation, PlannerCorpus } from './mutation-planner.ts';
import type { ArmDescriptor } from './mutator-arms.ts';
import { padStacks } from './mutator-stack.ts';

/** Share of a climb's picks that follow the way of the last generations, where a mutator can. */
const PATH_SHARE = 0.25;

/** Share of the other picks that copy values within the testcase, where a mutator can. */
const COPY_SHARE = 0.125;

/** Share of the rest that move all inputs at once, where there are several. */
const ALL_INPUTS_SHARE = 0.5;

/** The most generations that a way goes back. */
const MAX_GENERATIONS = 16;

/** How the mutants of a climb's pick are made. */
export interface PlannedClimb extends PlannedMutation {
  /** Whether its mutants move values by a strength. */
  readonly hasStrength: boolean;
}

/** Of each input, the arm of a mutator; below 0 where it has none. */
type ArmByInput = readonly number[];

/**
 * Plans picks of a climb toward a numerical site: fine steps of one mutator in place of a stack. The inputs that have no part in a
 * step stay as they are, so that it changes one thing.
 */
export class ClimbPlanner {
  readonly #corpus: Pick<PlannerCorpus, 'at' | 'indexOf' | 'shapeKey'>;
  readonly #creeps: ArmByInput;
  readonly #copies: ArmByInput;
  readonly #paths: ArmByInput;
  readonly #squares: ArmByInput;
  readonly #ascents: ArmByInput;

  /** @param arms of each input */
  constructor(
    corpus: Pick<PlannerCorpus, 'at' | 'indexOf' | 'shapeKey'>,
    arms: readonly (readonly ArmDescriptor[])[],
  ) {
    this.#corpus = corpus;
    const armsOf = (mutator: string): ArmByInput =>
      arms.map((list) => list.findIndex(({ name, forGoals }) => forGoals === true && name === mutator));
    this.#creeps = armsOf('creep');
    this.#copies = armsOf('copy');
    this.#paths = armsOf('path');
    this.#squares = armsOf('square');
    const [numeric, ofTokens] = [armsOf('ascent'), armsOf('hotflip')];
    this.#ascents = numeric.map((arm, input) => (arm >= 0 ? arm : ofTokens[input]));
  }

  /** Plans a pick that puts patches to the ends of what is legal, in one input or all; undefined where none has patches. */
  planPatch(parent: number, random: Random): PlannedClimb | undefined {
    const patched = inputsWith(this.#squares);
    if (patched.length === 0) return undefined;
    const isForAll = patched.length === 1 || random.uniform() < ALL_INPUTS_SHARE;
    return planned(parent, -1, this.#squares, isForAll ? patched : [drawFrom(patched, random)], true);
  }

  /** Whether an input has a mutator that steps along gradients. */
  get canAscend(): boolean {
    return this.#ascents.some((arm) => arm >= 0);
  }

  /** Plans a pick that steps along the gradient of its goal, in all inputs that have one. */
  planAscent(parent: number): PlannedClimb {
    return planned(parent, -1, this.#ascents, inputsWith(this.#ascents), false);
  }

  /** Plans a pick; undefined where no input may creep. */
  plan(parent: number, random: Random): PlannedClimb | undefined {
    const creeping = inputsWith(this.#creeps);
    if (creeping.length === 0) return undefined;
    if (random.uniform() < PATH_SHARE) {
      const partner = this.#ancestorOf(parent, random);
      if (partner !== undefined) return planned(parent, partner, this.#paths, inputsWith(this.#paths), false);
    }
    const copying = inputsWith(this.#copies);
    if (copying.length > 0 && random.uniform() < COPY_SHARE)
      return planned(parent, -1, this.#copies, [drawFrom(copying, random)], false);
    const isForAll = random.uniform() < ALL_INPUTS_SHARE;
    return planned(parent, -1, this.#creeps, isForAll ? creeping : [drawFrom(creeping, random)], true);
  }

  /** An entry some generations before another; undefined where the corpus has none of the same shape. */
  #ancestorOf(entry: number, random: Random): number | undefined {
    if (inputsWith(this.#paths).length === 0) return undefined;
    const generations = Math.floor((MAX_GENERATIONS + 1) ** random.uniform());
    let ancestor = entry;
    for (let n = 0; n < generations; n++) {
      const { parent } = this.#corpus.at(ancestor);
      const before = parent === null ? undefined : this.#corpus.indexOf(parent);
      if (before === undefined) break;
      ancestor = before;
    }
    const isUsable = ancestor !== entry && this.#corpus.shapeKey(ancestor) === this.#corpus.shapeKey(entry);
    return isUsable ? ancestor : undefined;
  }
}

function planned(
  parent: number,
  partner: number,
  arms: ArmByInput,
  inputs: readonly number[],
  hasStrength: boolean,
): PlannedClimb {
  const stacks = padStacks(arms.map((arm, input) => (inputs.includes(input) ? [arm] : [])));
  return { parent, partner, stacks, hasStrength };
}

function inputsWith(arms: ArmByInput): number[] {
  return arms.flatMap((arm, input) => (arm < 0 ? [] : [input]));
}

function drawFrom(inputs: readonly number[], random: Random): number {
  return inputs[random.below(inputs.length)];
}
