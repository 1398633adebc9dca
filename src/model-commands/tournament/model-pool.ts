import type { ModelConfig } from '../../config/schema.ts';
import { parseDuration, parseSize } from '../../config/values.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { ModelInfo } from '../../model/model.ts';
import { loadOptions, modelPath } from '../../storage/load-options.ts';
import { ModelSession } from '../../workers/model-session.ts';
import { memoryLimits } from '../../workers/resource-limits.ts';

/** A piece of work for a model. */
export interface ModelJob {
  /** Path of the model. */
  readonly model: string;
  /** A testcase for the model's first run; undefined where the job runs nothing. */
  readonly first: TestcaseData | undefined;
  /** Looks at the model before its first run; it throws where the model does not suit. */
  readonly check?: (info: ModelInfo) => void;
  run(session: ModelSession): Promise<void>;
}

interface Seat {
  readonly session: ModelSession;
  loaded: string | undefined;
  hasRun: boolean;
}

/** Some processes that load models by turns. */
export class ModelPool {
  readonly #config: ModelConfig;
  readonly #seats: readonly Seat[];

  /** @param jobs number of processes */
  constructor(config: ModelConfig, jobs: number) {
    this.#config = config;
    const asked = config.memory === undefined ? undefined : parseSize(config.memory);
    const limits = { timeout: parseDuration(config.timeout), ...memoryLimits(asked, jobs) };
    this.#seats = Array.from({ length: jobs }, () => ({
      session: new ModelSession(limits),
      loaded: undefined,
      hasRun: false,
    }));
  }

  /**
   * Does pieces of work, those of one model in their order. What a piece comes to must not depend on the process, nor on what that
   * did before.
   *
   * @throws UserError where a model can't be loaded, or ends its process
   */
  async run(jobs: readonly ModelJob[]): Promise<void> {
    const queues = new Map<string, ModelJob[]>();
    for (const job of jobs) queues.set(job.model, [...(queues.get(job.model) ?? []), job]);
    let hasFailed = false;
    const work = async (seat: Seat): Promise<void> => {
      for (let next = this.#next(queues, seat); next !== undefined; next = this.#next(queues, seat)) {
        if (hasFailed) return;
        try {
          await this.#load(seat, next);
          await next.run(seat.session);
        } catch (error) {
          hasFailed = true;
          throw error;
        }
      }
    };
    await Promise.all(this.#seats.map(work));
  }

  /** Facts of a model. @throws UserError where it can't be loaded */
  async describe(model: string): Promise<ModelInfo> {
    const infos: ModelInfo[] = [];
    await this.run([
      {
        model,
        first: undefined,
        run: async (session) => {
          infos.push(session.info);
        },
      },
    ]);
    return infos[0];
  }

  close(): void {
    for (const { session } of this.#seats) session.close();
  }

  /** The next piece: of the loaded model where that has one, else of the model with the most, rather one that nobody has loaded. */
  #next(queues: ReadonlyMap<string, ModelJob[]>, { loaded }: Seat): ModelJob | undefined {
    const same = loaded === undefined ? undefined : queues.get(loaded)?.shift();
    if (same !== undefined) return same;
    const taken = new Set(this.#seats.map((seat) => seat.loaded));
    const waiting = [...queues].filter(([, queue]) => queue.length > 0);
    const free = waiting.filter(([model]) => !taken.has(model));
    const [, longest] = (free.length > 0 ? free : waiting).reduce<readonly [string, ModelJob[]]>(
      (most, entry) => (entry[1].length > most[1].length ? entry : most),
      ['', []],
    );
    return longest.shift();
  }

  async #load(seat: Seat, { model, first, check }: ModelJob): Promise<void> {
    if (seat.loaded !== model) {
      // Before it is loaded, since another process would choose it too.
      seat.loaded = model;
      seat.hasRun = false;
      await seat.session.load(modelPath({ model }).absolute, loadOptions({ ...this.#config, model }));
    }
    if (first === undefined || seat.hasRun) return;
    check?.(seat.session.info);
    await seat.session.tryFirst(first);
    seat.hasRun = true;
  }
}
