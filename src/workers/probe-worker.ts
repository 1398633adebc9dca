import type { Interval } from '../analysis/numerical-sites/interval.ts';
import type { Site } from '../analysis/numerical-sites/site.ts';
import { UserError } from '../core/errors.ts';
import type { Comparison } from '../evaluation/compare-models.ts';
import { NO_OUTCOME } from '../fuzzer/corpus/predicted-class.ts';
import type { Point } from '../fuzzer/search/directed-search.ts';
import { CALIBRATIONS, type RunSeed } from '../fuzzer/seed-runner.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { CopyLoading, LoadOptions, ModelInfo } from '../model/model.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { diedRunning } from '../objectives/crash-signature.ts';
import { objectiveSpec } from '../objectives/spec.ts';
import { orRefuse } from './refusal.ts';
import { LOAD_TIMEOUT } from './rerun-client.ts';
import { type Child, type ChildOptions, ProcessDied } from './rpc-client.ts';
import type {
  ComparisonAsked,
  ObjectiveTraits,
  PluginModule,
  WorkerApi,
  WorkerSetup,
} from './services/fuzz-service.ts';
import { spawnWorker } from './worker-supervisor.ts';

/** Milliseconds that loading plug-ins may take. */
const PLUGIN_TIMEOUT = 15_000;

/** The first worker: looks at the model and runs the seeds before there is a campaign, then becomes one of it. */
export class Scout {
  readonly #options: Omit<ChildOptions, 'script'>;
  #model: { readonly path: string; readonly options: LoadOptions };
  #child: Child<WorkerApi>;
  #setup: WorkerSetup | undefined;
  #closed = false;

  constructor(
    options: Omit<ChildOptions, 'script'>,
    model: { readonly path: string; readonly options: LoadOptions },
  ) {
    this.#options = options;
    this.#model = model;
    this.#child = spawnWorker(options);
  }

  /**
   * What the campaign needs to know of its objectives; loads all other plug-ins as well.
   *
   * @throws UserError where one can't be made; a plug-in may not even come to an end
   */
  async objectives(specs: readonly string[], modules: readonly PluginModule[]): Promise<ObjectiveTraits[]> {
    try {
      return await this.#child.call('objectives', { specs, modules }, PLUGIN_TIMEOUT);
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      const own = specs.map(objectiveSpec).filter(({ isModule }) => isModule);
      const plugins = [...modules.map(({ path }) => path), ...own.map(({ kind }) => kind)].join(' or ');
      const how = error.kind === 'hang' ? 'does not come to an end' : `ends the process with ${error.how}`;
      throw new UserError(`the plug-in ${plugins} ${how} while it is loaded`);
    }
  }

  /** @throws UserError where the model can't be loaded, or its loading ends the process */
  load(): Promise<ModelInfo> {
    return orRefuse(this.#model.path, 'loading it', () =>
      this.#child.call('load', this.#model, LOAD_TIMEOUT),
    );
  }

  /**
   * Loads a second model to run beside it.
   *
   * @throws UserError where that can't be loaded, or does not fit
   */
  loadBeside(copy: CopyLoading): Promise<ModelInfo> {
    this.#model = { ...this.#model, options: { ...this.#model.options, copy } };
    return orRefuse(copy.path, 'loading it', () => this.#child.call('load', this.#model, LOAD_TIMEOUT));
  }

  /** Derives a quantized copy of the loaded model; see `deriveCopy`. */
  derive(kind: Quantization, seeds: readonly TestcaseData[]): Promise<ModelFiles> {
    return orRefuse(this.#model.path, 'quantizing it', () =>
      this.#child.call('derive', { kind, seeds }, LOAD_TIMEOUT),
    );
  }

  /** Runs the pair on testcases; see `comparePair`. */
  compare(parameters: ComparisonAsked): Promise<Comparison> {
    return orRefuse(this.#model.path, 'comparing it', () =>
      this.#child.call('compare', parameters, LOAD_TIMEOUT),
    );
  }

  /** Tries the model on a testcase, once and twice in a batch; says why runs are limited to one row, if so. */
  probe(testcase: TestcaseData, watched: readonly string[]) {
    // Twice the same: another seed may fail for what it is.
    const parameters = { testcases: [testcase, testcase], watched };
    return orRefuse(this.#model.path, 'the first seed', () =>
      this.#child.call('probe', parameters, LOAD_TIMEOUT),
    );
  }

  /** The sites, with the aims that can be reached while the inputs are within their intervals. */
  withinReach(inputs: ReadonlyMap<string, Interval>): Promise<Site[]> {
    return orRefuse(this.#model.path, 'looking at its graph', () =>
      this.#child.call('withinReach', inputs, LOAD_TIMEOUT),
    );
  }

  /** Those points that tasks can be for. */
  climbable(testcase: TestcaseData, points: readonly Point[], watched: readonly string[]): Promise<Point[]> {
    return orRefuse(this.#model.path, 'the first seed', () =>
      this.#child.call('climbable', { testcase, points, watched }, LOAD_TIMEOUT),
    );
  }

  async prepare(setup: WorkerSetup): Promise<void> {
    this.#setup = setup;
    await this.#child.call('prepare', setup, LOAD_TIMEOUT);
  }

  /** Runs testcases; one that ends the process is a violation, found by halving. */
  async seeds(
    testcases: readonly TestcaseData[],
    labelOf?: ReadonlyMap<TestcaseData, number>,
  ): Promise<RunSeed[]> {
    const { batch } = this.#prepared();
    const run: RunSeed[] = [];
    for (let from = 0; from < testcases.length; from += batch) {
      run.push(...(await this.#some(testcases.slice(from, from + batch), labelOf)));
    }
    return run;
  }

  /** Calibrates the threshold; undefined where each try ended the process. */
  async calibrate(seeds: readonly RunSeed[]) {
    for (const mutants of CALIBRATIONS) {
      try {
        return await this.#child.call('calibrate', { seeds, mutants });
      } catch (error) {
        if (!(error instanceof ProcessDied)) throw error;
        await this.#replace();
      }
    }
    return undefined;
  }

  /** The process, prepared as every worker is; none where it has died. */
  get child(): Child<WorkerApi> | undefined {
    return this.#child.alive ? this.#child : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  #prepared(): WorkerSetup {
    if (this.#setup === undefined) throw new Error('the scout is not prepared');
    return this.#setup;
  }

  async #some(
    testcases: readonly TestcaseData[],
    labelOf: ReadonlyMap<TestcaseData, number> | undefined,
  ): Promise<RunSeed[]> {
    try {
      const labels = labelOf && testcases.map((testcase) => labelOf.get(testcase) ?? -1);
      return await this.#child.call('seeds', { testcases, labels });
    } catch (error) {
      if (!(error instanceof ProcessDied)) throw error;
      await this.#replace();
      if (testcases.length === 1) {
        const violation = diedRunning(error.kind, error.how);
        return [{ data: testcases[0], activations: new Float32Array(0), violation, outcome: NO_OUTCOME }];
      }
      const middle = testcases.length >> 1;
      return [
        ...(await this.#some(testcases.slice(0, middle), labelOf)),
        ...(await this.#some(testcases.slice(middle), labelOf)),
      ];
    }
  }

  async #replace(): Promise<void> {
    if (this.#closed) throw new Error('closed');
    this.#child = spawnWorker(this.#options);
    await this.load();
    await this.#child.call('prepare', this.#prepared(), LOAD_TIMEOUT);
  }
}
