import { UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import { inputText } from '../../model/input-text.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { Answers } from '../../tournament/answers.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import type { ModelJob, ModelPool } from './model-pool.ts';
import { CachedFields, type GameField, type PlayedSeeds } from './opponents.ts';
import { type GameRange, ROUND_GAMES } from './played-games.ts';
import { type WinRule, winsOf } from './win-rule.ts';

/** A model that plays. */
export interface ModelPlayer {
  readonly name: string;
  readonly path: string;
  /** Throws where the file is not the one that played before. */
  readonly check?: (info: ModelInfo) => void;
}

/** What all models have in common, as one of them has it. */
export interface NamedFacts {
  readonly name: string;
  /** Types and shapes of the inputs. */
  readonly inputs: readonly string[];
  /** Number of classes; 0 where an assertion decides. */
  readonly classes: number;
}

/** What a look at the seeds as they are shows. */
export interface FirstLook {
  readonly classes: number;
  /** Of each seed, whether a model wins on it. */
  readonly isWon: readonly boolean[];
  /** Of each model, the digest of its file. */
  readonly digests: readonly string[];
}

/** Games of a model on a field. */
export interface GameRequest extends GameRange {
  readonly model: ModelPlayer;
  readonly field: GameField;
}

/** Scores of games, 1 where the model wins. */
export interface GameScores {
  readonly seeds: number[];
  readonly scores: number[];
}

/** Inputs as messages write them. */
export function inputTexts({ inputs }: Pick<ModelInfo, 'inputs'>): string[] {
  return stripBatchDimension(inputs).map((input) => inputText(input, input.shape));
}

/** Has models answer, on a pool of processes. */
export class Referee {
  readonly #pool: ModelPool;
  readonly #first: Pick<NamedFacts, 'name' | 'inputs'>;
  readonly #rule: WinRule;
  readonly #played: PlayedSeeds;
  readonly #fields = new CachedFields();
  /** By field and range, the classes of the model that is to be agreed with. */
  readonly #agreed = new Map<string, ArrayLike<number>>();
  /** Number of classes of that model. */
  #agreedClasses = 0;
  readonly #onProgress: OnProgress;

  /** @param first the model that inputs of others are compared with */
  constructor(
    pool: ModelPool,
    first: Pick<NamedFacts, 'name' | 'inputs'>,
    { rule, played }: { readonly rule: WinRule; readonly played: PlayedSeeds },
    onProgress: OnProgress,
  ) {
    this.#pool = pool;
    this.#first = first;
    this.#rule = rule;
    this.#played = played;
    this.#onProgress = onProgress;
  }

  /**
   * Has models answer to the seeds as they are.
   *
   * @param classes number of classes of the models that have played already; undefined where none has
   * @throws UserError where two models have other inputs or classes, which it names
   */
  async look(models: readonly ModelPlayer[], classes?: number): Promise<FirstLook> {
    const { seeds } = this.#played;
    const isWon = seeds.map(() => false);
    const digests = models.map(() => '');
    const counts = models.map(() => 0);
    const field: GameField = { name: 'seeds', testcase: (seed) => ({ data: seeds[seed], seed }) };
    const ranges = rounds(seeds.length);
    await this.#agree(field, ranges);
    let done = 0;
    const jobs = models.flatMap((model, i) =>
      ranges.map((range) =>
        this.#job(model, async (session) => {
          digests[i] = session.info.sha256;
          const { answers, wins } = await this.#answer(session, field, range);
          counts[i] = answers.classCount;
          wins.forEach((won, at) => {
            if (won === 1) isWon[range.from + at] = true;
          });
          this.#onProgress({
            label: 'looking at the seeds',
            done: ++done,
            total: models.length * ranges.length,
            unit: 'batch',
            units: 'batches',
          });
        }),
      ),
    );
    await this.#pool.run(jobs);
    const first = classes === undefined ? models[0].name : this.#first.name;
    const known = classes ?? counts[0];
    models.forEach(({ name }, i) => {
      if (counts[i] !== known)
        throw new UserError(
          `${name} knows ${counts[i]} classes and ${first} ${known}: only models of the same classes can play each other`,
        );
    });
    return { classes: known, isWon, digests };
  }

  /** Plays games; `onGames` is called with the scores of each request as they come. */
  async play(
    requests: readonly GameRequest[],
    onGames: (request: GameRequest, scores: GameScores) => Promise<void>,
  ): Promise<void> {
    for (const field of new Set(requests.map((request) => request.field)))
      await this.#agree(
        field,
        requests.filter((request) => request.field === field),
      );
    await this.#pool.run(
      requests.map((request) =>
        this.#job(request.model, async (session) => {
          const { wins, seeds } = await this.#answer(session, request.field, request);
          await onGames(request, { seeds, scores: wins });
        }),
      ),
    );
  }

  async #answer(
    session: ModelSession,
    field: GameField,
    range: GameRange,
  ): Promise<{ readonly answers: Answers; readonly wins: number[]; readonly seeds: number[] }> {
    const testcases = this.#fields.testcases(field, range);
    const objective = this.#rule.kind === 'assert' ? this.#rule.objective : undefined;
    const answers = await session.answerGames({ testcases: testcases.map(({ data }) => data), objective });
    if (this.#rule.kind === 'agrees' && this.#agreedClasses !== answers.classCount)
      throw new UserError(
        `--win: ${this.#rule.model} knows ${this.#agreedClasses} classes and ${session.info.path} ${answers.classCount}: models can agree with one of the same classes alone`,
      );
    const seeds = testcases.map(({ seed }) => seed);
    const labels = this.#agreed.get(keyOf(field, range)) ?? seeds.map((seed) => this.#played.labels[seed]);
    const beyond = labels === undefined ? undefined : Array.from(labels).find((l) => l >= answers.classCount);
    if (this.#rule.kind === 'correct' && answers.classCount > 0 && beyond !== undefined)
      throw new UserError(
        `--labels: there is class ${beyond}, and ${session.info.path} knows ${answers.classCount} classes, from 0`,
      );
    return { answers, wins: winsOf(this.#rule, answers, labels), seeds };
  }

  /** Asks the model that is to be agreed with, once for each range. */
  async #agree(field: GameField, ranges: readonly GameRange[]): Promise<void> {
    const { kind } = this.#rule;
    if (kind !== 'agrees') return;
    const model = { name: this.#rule.model, path: this.#rule.model };
    const wanted = new Map(ranges.map((range) => [keyOf(field, range), range]));
    const jobs = [...wanted]
      .filter(([key]) => !this.#agreed.has(key))
      .map(([key, range]) =>
        this.#job(model, async (session) => {
          const testcases = this.#fields.testcases(field, range);
          const { classes, classCount } = await session.answerGames({
            testcases: testcases.map(({ data }) => data),
            objective: undefined,
          });
          this.#agreed.set(key, classes);
          this.#agreedClasses = classCount;
        }),
      );
    await this.#pool.run(jobs);
  }

  #job({ name, path, check }: ModelPlayer, run: (session: ModelSession) => Promise<void>): ModelJob {
    const [first] = this.#played.seeds;
    return {
      model: path,
      first,
      run,
      check: (info) => {
        check?.(info);
        refuseOtherInputs(this.#first, name, inputTexts(info));
      },
    };
  }
}

function keyOf({ name }: GameField, { from, to }: GameRange): string {
  return JSON.stringify([name, from, to]);
}

/** Ranges that cover the first so many games. */
function rounds(count: number): GameRange[] {
  return Array.from({ length: Math.ceil(count / ROUND_GAMES) }, (_, i) => ({
    from: i * ROUND_GAMES,
    to: Math.min(count, (i + 1) * ROUND_GAMES),
  }));
}

function refuseOtherInputs(
  first: Pick<NamedFacts, 'name' | 'inputs'>,
  name: string,
  inputs: readonly string[],
): void {
  if (first.inputs.join() === inputs.join()) return;
  throw new UserError(
    `${name} takes ${inputs.join(', ')} and ${first.name} ${first.inputs.join(', ')}: only models of the same inputs can play each other`,
  );
}
