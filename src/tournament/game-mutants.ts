import { crc32 } from 'node:zlib';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import { type Random, randomStream } from '../core/random.ts';
import type { LengthChanges } from '../fuzzer/generation/length-changes.ts';
import { MutantGenerator, wholeTask } from '../fuzzer/generation/mutant-generator.ts';
import { type ArmDescriptor, describeArms, makeArms } from '../fuzzer/scheduling/mutator-arms.ts';
import { padStacks } from '../fuzzer/scheduling/mutator-stack.ts';
import type { CorpusEntryData } from '../fuzzer/scheduling/task.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';

/** A mutator that plays: of one input, by its place among the specs. */
export interface MutatorPlayer {
  readonly name: string;
  readonly input: number;
  readonly spec: string;
}

/** What mutants are made of. */
export interface GameMutantsOptions {
  /** Master seed. */
  readonly seed: string;
  readonly seeds: readonly TestcaseData[];
  /** The class that each seed shows; below 0 where that is not known. */
  readonly labels: readonly number[];
  readonly descriptors: readonly InputDescriptor[];
  readonly limits: ConstraintLimits;
  readonly lengthChanges: LengthChanges | undefined;
}

/** The seed of a game, one of so many: the same for all players. */
export function seedOfGame(masterSeed: string, game: number, seeds: number): number {
  return randomStream(masterSeed, 'seed of game', game).below(seeds);
}

/** A mutant, or the seed itself where the mutator made none within the constraints. */
export interface GameMutant {
  readonly data: TestcaseData;
  readonly isSeed: boolean;
}

/** Makes the mutants of games, as `fuzz` makes them by one mutator. A mutant depends on master seed, mutator and game alone. */
export class GameMutants {
  readonly #options: GameMutantsOptions;
  readonly #generator: MutantGenerator;
  readonly #arms: readonly (readonly ArmDescriptor[])[];
  readonly #specs: readonly (readonly string[])[];

  private constructor(
    options: GameMutantsOptions,
    specs: readonly (readonly string[])[],
    arms: readonly (readonly ArmDescriptor[])[],
    generator: MutantGenerator,
  ) {
    this.#options = options;
    this.#specs = specs;
    this.#arms = arms;
    this.#generator = generator;
  }

  /** @param players all that `mutant` will be asked for */
  static async create(options: GameMutantsOptions, players: readonly MutatorPlayer[]): Promise<GameMutants> {
    const { descriptors, limits, lengthChanges, seed } = options;
    const specs = descriptors.map((_, input) =>
      players.flatMap((player) => (player.input === input ? [player.spec] : [])),
    );
    const generator = new MutantGenerator({
      descriptors,
      arms: await makeArms(specs, descriptors),
      limits,
      lengthChanges,
      masterSeed: seed,
      batch: 1,
    });
    return new GameMutants(options, specs, await describeArms(specs), generator);
  }

  /** The mutant of a game on a seed. */
  mutant({ name, input, spec }: MutatorPlayer, game: number, seed: number): GameMutant {
    const { seeds } = this.#options;
    const arm = this.#specs[input].indexOf(spec);
    const task = {
      number: game,
      firstExec: 0,
      mutants: 1,
      parents: [seed],
      partners: [this.#partner(this.#arms[input][arm], name, game, seed)],
      stacks: padStacks(this.#specs.map((_, i) => (i === input ? [arm] : []))),
      saturatedSignatures: [],
      indexSize: 0,
      threshold: 0,
    };
    const source = { entryData: (index: number) => entryOf(index, seeds[index]) };
    const step = { ...wholeTask(task), streamKey: [crc32(name)] };
    for (const { form } of this.#generator.batches(task, source, undefined, step)) {
      if (this.#generator.isVoid(0)) break;
      return { data: this.#generator.copy(form, 0, 1), isSeed: false };
    }
    return { data: seeds[seed], isSeed: true };
  }

  /** Another seed to combine with; below 0 where the mutator needs none, or there is none. */
  #partner({ partner, acceptsAnyShape }: ArmDescriptor, name: string, game: number, seed: number): number {
    if (partner === undefined || partner === 'parent') return -1;
    const { seeds, labels, seed: masterSeed } = this.#options;
    const fits = (other: number): boolean =>
      other !== seed &&
      (acceptsAnyShape || seeds[other].form.key === seeds[seed].form.key) &&
      (partner !== 'rival' || labels[other] !== labels[seed]);
    return drawFitting(randomStream(masterSeed, 'partner of game', name, game), seeds.length, fits);
  }
}

/** Seeds that are drawn for a partner at most. */
const PARTNER_DRAWS = 64;

function drawFitting(random: Random, count: number, fits: (index: number) => boolean): number {
  for (let draw = 0; draw < PARTNER_DRAWS; draw++) {
    const index = random.below(count);
    if (fits(index)) return index;
  }
  return -1;
}

function entryOf(index: number, data: TestcaseData): CorpusEntryData {
  return {
    entryIndex: index,
    ancestorIndex: index,
    referenceIndex: index,
    data,
    activations: new Float32Array(0),
  };
}
