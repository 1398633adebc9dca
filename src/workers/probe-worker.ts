import type { ModelDescription } from '../analysis/describe-model.ts';
import type { Interval } from '../analysis/numerical-sites/interval.ts';
import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import { UserError } from '../core/errors.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { CALIBRATION_MUTANTS } from '../fuzzer/calibration.ts';
import { NO_CLASS } from '../fuzzer/corpus/predicted-class.ts';
import type { SearchGoal } from '../fuzzer/search/search-goal.ts';
import type { SeedResult } from '../fuzzer/seed-runner.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { LoadOptions, ModelInfo, SecondModelOptions } from '../model/model.ts';
import type { ModelFiles, Quantization } from '../model/quantize/kind.ts';
import { processDeathViolation } from '../objectives/crash-signature.ts';
import { refuseIfProcessDies } from './refusal.ts';
import { LOAD_TIMEOUT_MS } from './resource-limits.ts';
import { ProcessDied, type RpcClient, type RpcClientOptions } from './rpc-client.ts';
import type {
  FuzzApi,
  ObjectiveDescriptor,
  PluginModule,
  PreparedInfo,
  WorkerSetup,
} from './services/fuzz-service.ts';
import { spawnWorker } from './worker-supervisor.ts';

/** Milliseconds that loading plug-ins may take. */
const PLUGIN_TIMEOUT_MS = 15_000;

/** The first worker: looks at the model and runs the seeds before there is a campaign, then becomes one of it. */
export class ProbeWorker {
  readonly #options: Omit<RpcClientOptions, 'script'>;
  #model: { readonly path: string; readonly options: LoadOptions };
  #child: RpcClient<FuzzApi>;
  #setup: WorkerSetup | undefined;
  #closed = false;

  constructor(
    options: Omit<RpcClientOptions, 'script'>,
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
  async describeObjectives(
    specs: readonly string[],
    modules: readonly PluginModule[],
  ): Promise<ObjectiveDescriptor[]> {
    try {
      return await this.#child.call('describeObjectives', { specs, modules }, PLUGIN_TIMEOUT_MS);
    } catch (error) {
      if (!(error instanceof ProcessDied) || this.#closed) throw error;
      const objectiveModules = specs.map(parseExtensionSpec).filter(({ isModule }) => isModule);
      const plugins = [...modules.map(({ path }) => path), ...objectiveModules.map(({ name }) => name)].join(
        ' or ',
      );
      const how =
        error.kind === 'hang' ? 'does not come to an end' : `ends the process with ${error.exitStatus}`;
      throw new UserError(`the plug-in ${plugins} ${how} while it is loaded`);
    }
  }

  /** @throws UserError where the model can't be loaded, or its loading ends the process */
  load(): Promise<ModelDescription> {
    return refuseIfProcessDies(this.#model.path, 'loading it', () =>
      this.#child.call('load', this.#model, LOAD_TIMEOUT_MS),
    );
  }

  /**
   * Loads a second model to run beside it.
   *
   * @throws UserError where that can't be loaded, or does not fit
   */
  async loadSecondModel(copy: SecondModelOptions): Promise<ModelInfo> {
    this.#model = { ...this.#model, options: { ...this.#model.options, secondModel: copy } };
    const { model } = await refuseIfProcessDies(copy.path, 'loading it', () =>
      this.#child.call('load', this.#model, LOAD_TIMEOUT_MS),
    );
    return model;
  }

  /** Derives a quantized copy of the loaded model; see `deriveCopy`. */
  deriveQuantizedModel(kind: Quantization, seeds: readonly TestcaseData[]): Promise<ModelFiles> {
    return refuseIfProcessDies(this.#model.path, 'quantizing it', () =>
      this.#child.call('deriveQuantizedModel', { kind, seeds }, LOAD_TIMEOUT_MS),
    );
  }

  /** Tries the model on a testcase, once and twice in a batch; says why runs are limited to one row, if so. */
  probe(testcase: TestcaseData, watched: readonly string[]) {
    // Twice the same: another seed may fail for what it is.
    const parameters = { testcases: [testcase, testcase], watched };
    return refuseIfProcessDies(this.#model.path, 'the first seed', () =>
      this.#child.call('probe', parameters, LOAD_TIMEOUT_MS),
    );
  }

  /** The sites, with the aims that can be reached while the inputs are within their intervals. */
  reachableSites(inputs: ReadonlyMap<string, Interval>): Promise<NumericalSite[]> {
    return refuseIfProcessDies(this.#model.path, 'looking at its graph', () =>
      this.#child.call('reachableSites', inputs, LOAD_TIMEOUT_MS),
    );
  }

  /** Those points that tasks can be for. */
  observableGoals(
    testcase: TestcaseData,
    points: readonly SearchGoal[],
    watched: readonly string[],
  ): Promise<SearchGoal[]> {
    return refuseIfProcessDies(this.#model.path, 'the first seed', () =>
      this.#child.call('observableGoals', { testcase, points, watched }, LOAD_TIMEOUT_MS),
    );
  }

  /** Makes the plug-ins and opens the session that tasks run in. */
  prepare(setup: WorkerSetup): Promise<PreparedInfo> {
    this.#setup = setup;
    return this.#child.call('prepare', setup, LOAD_TIMEOUT_MS);
  }

  /** Runs testcases; one that ends the process is a violation, found by halving. */
  async runSeeds(
    testcases: readonly TestcaseData[],
    labelOf?: ReadonlyMap<TestcaseData, number>,
  ): Promise<SeedResult[]> {
    const { batch } = this.#requireSetup();
    const run: SeedResult[] = [];
    for (let from = 0; from < testcases.length; from += batch) {
      run.push(...(await this.#runSeedBatch(testcases.slice(from, from + batch), labelOf)));
    }
    return run;
  }

  /** Calibrates the threshold; undefined where each try ended the process. */
  async calibrate(seeds: readonly SeedResult[]) {
    for (const mutants of CALIBRATION_MUTANTS) {
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
  get child(): RpcClient<FuzzApi> | undefined {
    return this.#child.isAlive ? this.#child : undefined;
  }

  close(): void {
    this.#closed = true;
    this.#child.kill();
  }

  #requireSetup(): WorkerSetup {
    if (this.#setup === undefined) throw new Error('the scout is not prepared');
    return this.#setup;
  }

  async #runSeedBatch(
    testcases: readonly TestcaseData[],
    labelOf: ReadonlyMap<TestcaseData, number> | undefined,
  ): Promise<SeedResult[]> {
    try {
      const labels = labelOf && testcases.map((testcase) => labelOf.get(testcase) ?? -1);
      return await this.#child.call('runSeeds', { testcases, labels });
    } catch (error) {
      if (!(error instanceof ProcessDied)) throw error;
      await this.#replace();
      if (testcases.length === 1) {
        const violation = processDeathViolation(error.kind, error.exitStatus);
        return [
          { data: testcases[0], activations: new Float32Array(0), violation, predictedClass: NO_CLASS },
        ];
      }
      const middle = testcases.length >> 1;
      return [
        ...(await this.#runSeedBatch(testcases.slice(0, middle), labelOf)),
        ...(await this.#runSeedBatch(testcases.slice(middle), labelOf)),
      ];
    }
  }

  async #replace(): Promise<void> {
    if (this.#closed) throw new Error('closed');
    this.#child = spawnWorker(this.#options);
    await this.load();
    await this.#child.call('prepare', this.#requireSetup(), LOAD_TIMEOUT_MS);
  }
}
