import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { TestcaseVerdict } from '../evaluation/judge-testcase.ts';
import { isFaulty, type SeedResult, SINGLE_RUN } from '../fuzzer/seed-runner.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { inputDifference } from '../model/input-difference.ts';
import type { LoadOptions, ModelInfo } from '../model/model.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import { loadOptions, modelPath } from '../storage/load-options.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import type { ProcessLimits } from '../workers/rpc-client.ts';
import type { ModelIdentity } from '../workers/services/rerun-service.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { Notices } from './resolve/model-settings.ts';

/** The model under attack, where the search runs on a surrogate: seeds and what is found are judged on it. */
export class AttackedModel {
  readonly path: ReturnType<typeof modelPath>;
  readonly loadOptions: LoadOptions;
  readonly identity: ModelIdentity;
  readonly rerunClient: RerunClient;
  readonly #objectives: readonly string[];

  private constructor(config: CampaignConfig, rerunClient: RerunClient, identity: ModelIdentity) {
    this.path = modelPath(config);
    this.loadOptions = { ...loadOptions(config), runtime: identity.runtime };
    this.identity = identity;
    this.rerunClient = rerunClient;
    this.#objectives = objectiveSpecs(config.objective);
  }

  /**
   * Opens the model of a campaign that searches on a surrogate; undefined where it searches on the model itself.
   *
   * @throws UserError where the model can't be loaded
   */
  static async open(config: CampaignConfig, limits: ProcessLimits): Promise<AttackedModel | undefined> {
    if (config.threatModel?.knows.surrogate === undefined) return undefined;
    const rerunClient = new RerunClient(limits);
    try {
      const identity = await rerunClient.identify(modelPath(config).absolute, loadOptions(config));
      return new AttackedModel(config, rerunClient, identity);
    } catch (error) {
      rerunClient.close();
      throw error;
    }
  }

  /** @throws UserError where the surrogate takes other inputs */
  checkInputs(surrogate: Pick<ModelInfo, 'inputs'>): void {
    const difference = inputDifference(surrogate.inputs, this.identity.inputs);
    if (difference !== undefined) throw new UserError(`threatModel.knows.surrogate ${difference}`);
  }

  /** @param label the class that its seed shows; undefined where that is not known */
  judge(testcase: TestcaseData, label: number | undefined): Promise<TestcaseVerdict> {
    return this.rerunClient.judge({
      model: this.path.absolute,
      loadOptions: this.loadOptions,
      objectives: this.#objectives,
      testcase,
      label,
    });
  }

  /**
   * Seeds as the model answers them: what the surrogate gets wrong says nothing of the model.
   *
   * @param seeds results of the surrogate
   * @throws UserError where an objective cannot judge the model
   */
  async judgeSeeds(
    seeds: readonly SeedResult[],
    { labels }: Pick<ResolvedInputs, 'labels'>,
    notices: Notices,
    onProgress: (done: number) => void,
  ): Promise<SeedResult[]> {
    const judged: SeedResult[] = [];
    for (const seed of seeds) {
      const { violation, exemption, refusal } = await this.judge(seed.data, labels?.get(seed.data));
      if (refusal !== undefined) throw new UserError(`--objective: ${refusal} (${this.path.asGiven})`);
      const isExempt = exemption !== undefined;
      const { transformed: _transformed, ...others } = seed;
      judged.push({ ...others, violation: isExempt ? undefined : violation, exemption, run: SINGLE_RUN });
      onProgress(judged.length);
    }
    reportAgreement(seeds, judged, notices);
    return judged;
  }

  close(): void {
    this.rerunClient.close();
  }
}

/** Least share of the model's right answers that a surrogate gives too, below which it is hardly like the model. */
const LEAST_AGREEMENT = 0.5;

/** Says how many of the seeds that the model gets right the surrogate gets right as well. */
function reportAgreement(
  surrogate: readonly SeedResult[],
  model: readonly SeedResult[],
  notices: Notices,
): void {
  const isRight = (seed: SeedResult): boolean => seed.exemption === undefined && !isFaulty(seed);
  const right = model.flatMap((seed, i) => (isRight(seed) ? [surrogate[i]] : []));
  if (right.length === 0) return;
  const agreeing = right.filter(isRight).length;
  const text = `surrogate: right on ${agreeing} of the ${right.length} seeds that the model gets right`;
  if (agreeing >= LEAST_AGREEMENT * right.length) notices.info(text);
  else notices.warn(`${text}: it is hardly like the model; check that it knows the same classes`);
}
