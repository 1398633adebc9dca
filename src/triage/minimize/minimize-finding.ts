import { join } from 'node:path';
import { arraysOf, ThreatChecker } from '../../campaign/obeys.ts';
import { type Distance, measureDistance } from '../../constraints/distance.ts';
import { ValidCondition } from '../../constraints/valid-condition.ts';
import { confirmationRule } from '../../evaluation/confirmation-runs.ts';
import { inferInputKind } from '../../inputs/input-kind.ts';
import { resizeToForm } from '../../inputs/sizes/size-change.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { NO_TOKEN, PROMPT } from '../../model/language/generation.ts';
import { packBatch } from '../../model/testcase-batch.ts';
import { universal } from '../../objectives/misclassified.ts';
import { breaksSeeds } from '../../objectives/registry.ts';
import { CampaignStore } from '../../storage/campaign-store.ts';
import { type Finding, findingFolder, type MinimizeGoal } from '../../storage/finding.ts';
import { INPUT_FILE } from '../../storage/finding-files.ts';
import { testcasePath } from '../../storage/journal.ts';
import { readFindingFile } from '../findings.ts';
import { recordedImageFormats } from '../image-formats.ts';
import { type OpenCampaign, rerunRequest } from '../open-campaign.ts';
import { assessVariant, type CampaignSeeds } from './assess-variant.ts';
import { minimizeDistance } from './minimize-distance.ts';
import { minimizeProgram } from './minimize-program.ts';
import { minimizePrompt, promptTokens } from './minimize-prompt.ts';
import { type MinimizeValuesOptions, minimizeValues } from './minimize-values.ts';
import { minimizedRecord, storeVariant } from './store-variant.ts';
import { TryBudget } from './test-oracle.ts';

/** Share of the tries that is kept for telling which values of the smaller findings matter. */
const ASSESSMENT_SHARE = 1 / 8;

/** A smaller variant of a finding, stored as a finding of its own. */
export interface SmallerFinding {
  readonly goal: MinimizeGoal;
  /** Its folder. */
  readonly path: string;
  readonly id: string;
  readonly distance: Distance;
  /** Number of tokens, if its input is a prompt. */
  readonly tokens?: number;
}

/** Why a finding cannot be minimized, as a clause for people, or its smaller variants. */
export type MinimizedFinding =
  | { readonly refusal: string }
  | {
      readonly smaller: readonly SmallerFinding[];
      /** Number of tokens of the original, if its input is a prompt. */
      readonly tokens?: number;
      /** Variants that were run. */
      readonly tries: number;
    };

interface Candidate {
  readonly goal: MinimizeGoal;
  readonly testcase: TestcaseData;
  /** Files to write beside those of every finding. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
}

/**
 * Minimizes one finding and stores the variants that reproduce in all reruns. The caller holds the campaign's lock.
 *
 * @param folder the finding's folder
 * @param maxTries variants that may be run
 * @param seeds of its campaign
 * @param onRuns is told of variants that were run, after each batch
 */
export async function minimizeFinding(
  campaign: OpenCampaign,
  folder: string,
  finding: Finding,
  maxTries: number,
  seeds: CampaignSeeds,
  onRuns: (runs: number) => void = () => {},
): Promise<MinimizedFinding> {
  const { inputs, config, rerunClient, plausibility } = campaign;
  const readTestcase = async (path: string): Promise<TestcaseData> =>
    decodeTestcase(inputs, await readFindingFile(path), path);
  const testcase = await readTestcase(join(folder, INPUT_FILE));
  const ancestor = await readTestcase(testcasePath(campaign.folder, finding.ancestor));
  const prompt = inputs.findIndex(
    ({ name, shape }) => config.generate !== undefined && name === PROMPT && shape.length === 1,
  );
  const seed =
    prompt < 0 && ancestor.form.key !== testcase.form.key ? resizeToForm(ancestor, testcase.form) : ancestor;
  if (seed === undefined) return { refusal: 'its shape differs from that of its seed' };
  const budget = new TryBudget(maxTries);
  const assessmentBudget = budget.split(ASSESSMENT_SHARE);
  const request = rerunRequest(campaign, finding);
  const counted = async <T>(rows: number, results: Promise<T>): Promise<T> => {
    const finished = await results;
    onRuns(rows);
    return finished;
  };
  const { valid } = config;
  const condition = valid === undefined ? undefined : new ValidCondition(valid);
  const search: VariantSearch = {
    oracle: async (variants) => {
      const fails = await counted(
        variants.length,
        rerunClient.testVariants({ ...request, batch: packBatch(variants), rows: variants.length }),
      );
      const holds = fails.map(
        (isFailing, i) => isFailing && (condition?.holds(variants[i], 0, seed) ?? true),
      );
      if (plausibility === undefined) return holds;
      const plausible: boolean[] = [];
      for (const [i, isFailing] of holds.entries())
        plausible.push(isFailing && plausibility.isPlausible(await plausibility.valueOf(variants[i])));
      return plausible;
    },
    marginOracle: (variants) =>
      counted(
        variants.length,
        rerunClient.variantMargins({ ...request, batch: packBatch(variants), rows: variants.length }),
      ),
    budget,
  };
  const candidates = await findCandidates(campaign, finding, seed, testcase, prompt, search);
  budget.merge(assessmentBudget);
  const store = await CampaignStore.open(campaign.folder, 0);
  const checker = await ThreatChecker.open(campaign.folder);
  const tokenCount = (variant: TestcaseData): { readonly tokens?: number } =>
    prompt < 0 ? {} : { tokens: promptTokens(variant, prompt).length };
  const padIds = inputs.map((_, i) => (i === prompt ? NO_TOKEN : undefined));
  const smaller: SmallerFinding[] = [];
  for (const [i, candidate] of candidates.entries()) {
    const id = testcaseId(candidate.testcase);
    if (id === finding.id || smaller.some((other) => other.id === id)) continue;
    const path = findingFolder(finding.signature, id, false);
    const distance = measureDistance(candidate.testcase, ancestor, padIds);
    // Another finding may have been minimized to the same testcase.
    if ((await store.readFinding(path)) === undefined) {
      const rule = confirmationRule(finding.objective, campaign.config.threatModel);
      const job = { ...request, batch: candidate.testcase, rows: 1, row: 0, explainsOrigin: true };
      const rerun = await rerunClient.reproduce(finding.objective, job, rule.runs);
      if (rerun.matchingRuns < rule.least) continue;
      const assessment = await assessVariant(campaign, finding, seeds, {
        testcase: candidate.testcase,
        seed: candidate.testcase.form.key === seed.form.key ? seed : undefined,
        request,
        oracle: search.oracle,
        budget,
        share: 1 / (candidates.length - i),
      });
      const minimized = minimizedRecord(finding, candidate.goal, id, distance, rerun, assessment);
      const threat = checker?.record(minimized, arraysOf(candidate.testcase), arraysOf(ancestor), {
        trail: [...finding.mutators, ...minimized.mutators],
        queries: finding.threat?.queries ?? 0,
        plausible: await plausibility?.valueOf(candidate.testcase),
        success: finding.threat?.success,
      });
      if (threat?.obeys === false) continue;
      const record = threat === undefined ? minimized : { ...minimized, threat };
      const { testcase: variant, files } = candidate;
      await storeVariant(campaign, store, record, variant, prompt, rerun, assessment, files);
    }
    smaller.push({
      goal: candidate.goal,
      path: join(campaign.folder, path),
      id,
      distance,
      ...tokenCount(candidate.testcase),
    });
  }
  return { smaller, ...tokenCount(testcase), tries: maxTries - budget.remaining };
}

type VariantSearch = Pick<MinimizeValuesOptions, 'oracle' | 'marginOracle' | 'budget'>;

/** @param prompt index of the prompt among the inputs; negative if the model takes none */
async function findCandidates(
  campaign: OpenCampaign,
  finding: Finding,
  seed: TestcaseData,
  testcase: TestcaseData,
  prompt: number,
  search: VariantSearch,
): Promise<Candidate[]> {
  const { config, inputs } = campaign;
  const { objective } = finding;
  if (objective === universal.name) {
    const smaller = await minimizeProgram(campaign, finding, seed, search.oracle, search.budget);
    if (smaller !== undefined) return [{ goal: 'program', ...smaller }];
  }
  if (prompt >= 0) {
    const { fewestEdits, shortest } = await minimizePrompt(
      seed,
      testcase,
      prompt,
      search.oracle,
      search.budget,
    );
    return [
      { goal: 'edits', testcase: fewestEdits },
      { goal: 'length', testcase: shortest },
    ];
  }
  const tokenInputs = new Set(Object.keys(config.tokens ?? {}));
  const isNumber = (input: number): boolean => {
    const { type, name, strings } = inputs[input];
    return (
      strings === undefined &&
      type !== 'bool' &&
      !tokenInputs.has(name) &&
      inferInputKind(inputs[input]) !== 'tokens'
    );
  };
  const { linf: maxDistance = Number.POSITIVE_INFINITY, l2, deephunter, table } = config;
  const isBoundedByValue = l2 === undefined && deephunter === undefined && table === undefined;
  const bounds: MinimizeValuesOptions['bounds'] = isBoundedByValue
    ? (input) => ({ low: inputs[input].range[0], high: inputs[input].range[1], maxDistance })
    : undefined;
  const imageFormats = recordedImageFormats(inputs, config);
  const norm = config.linf === undefined && l2 !== undefined ? 'l2' : 'linf';
  // The account of its seed has the distance; tables and DeepHunter's rule may forbid what lies between.
  const nearest =
    breaksSeeds(objective) && deephunter === undefined && table === undefined
      ? [
          {
            goal: 'distance' as const,
            testcase: await minimizeDistance({ seed, testcase, isNumber, norm, ...search }),
          },
        ]
      : [];
  return [
    ...nearest,
    {
      goal: 'values',
      testcase: await minimizeValues({ seed, testcase, isNumber, bounds, imageFormats, ...search }),
    },
  ];
}
