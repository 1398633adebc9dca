import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { dependenceText, isBatchDependence } from '../analysis/batch-dependence/describe-dependence.ts';
import { withFindings } from '../campaign/monitor/seed-statistics.ts';
import { checkSettings, readCampaignFile } from '../config/load.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { isSignatureOf } from '../objectives/objective.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE, EVENTS_FILE } from '../storage/campaign-store.ts';
import { INPUT_FILE } from '../storage/finding-files.ts';
import { loadTestcase, testcasePath } from '../storage/journal.ts';
import { type CampaignManifest, readManifest } from '../storage/manifest-reader.ts';
import { verifyManifest } from '../storage/trust/manifest-signature.ts';
import type { LocatedFinding } from '../triage/findings.ts';
import { readFindings } from '../triage/findings.ts';
import type { TriagedFault } from '../triage/triage.ts';
import { type AnswerFinding, collectFault, type FaultContext } from './collect-fault.ts';
import { collectStatistics, readJsonLines } from './collect-statistics.ts';
import { collectThreat } from './collect-threat.ts';
import { explainedConfig, FaultExplainer, notExplained } from './explain-faults.ts';
import { LineageIndex } from './lineage.ts';
import type { PictureBudget } from './pictures/images.ts';
import { findingAnswers } from './predictions.ts';
import { ReportModel } from './report-model.ts';
import type { CampaignView, FaultView } from './view-model.ts';

/** Settings listed first, in this order. */
const LEADING_SETTINGS = [
  'model',
  'against',
  'quantize',
  'seeds',
  'corpus',
  'objective',
  'mutator',
  'range',
  'coverage',
];

/** Settings that are not listed. */
const HIDDEN_SETTINGS = new Set(['formatVersion', 'resolved', 'jobs', 'table', 'tokens', 'preprocess']);

export interface CollectOptions {
  readonly faults: readonly TriagedFault[];
  /** Number of faults shown in full; the others are only listed. */
  readonly maxFaults: number;
  readonly budget: PictureBudget;
  /** Whether to draw where the model looked. */
  readonly explains?: boolean | undefined;
  /** Makes the command that reproduces the finding in a folder. */
  readonly replayLine: (folder: string) => string;
}

/**
 * Collects everything that a report shows of a campaign. Missing and damaged files are listed in the view's `gaps`.
 *
 * @throws UserError if the folder is not a campaign
 */
export async function collectCampaign(folder: string, options: CollectOptions): Promise<CampaignView> {
  const { budget, replayLine, maxFaults } = options;
  const manifest = await readManifest(folder);
  const file = join(folder, CAMPAIGN_FILE);
  const config = checkSettings(await readCampaignFile(file), {}, file);
  const gaps: string[] = [];
  const damage: string[] = [];
  if (verifyManifest(await readFile(file, 'utf8').catch(() => '')) === 'changed')
    damage.push(`${file} is not as the campaign wrote it: it was changed or is damaged`);
  const statistics = await collectStatistics(folder, damage);
  const events = await readJsonLines(join(folder, EVENTS_FILE), damage);
  const times = events.flatMap(({ time }) => (typeof time === 'string' ? [time] : []));
  const faults: FaultView[] = [];
  let { seedAccounts } = statistics;
  const readable = options.faults.length > 0 ? [...readFindings(join(folder, 'findings'), damage)] : [];
  const threat = await collectThreat(folder, config, manifest, seedAccounts, readable);
  if (options.faults.length > 0) {
    const findings = threat.obeying;
    const confirmed = findings.map(({ finding }) => finding).filter(({ status }) => status === 'confirmed');
    seedAccounts = seedAccounts.map((account) =>
      withFindings(
        account,
        confirmed.filter(({ signature }) => isSignatureOf(signature, account.objective)),
      ),
    );
    const lineages = await LineageIndex.read(
      folder,
      findings.map(({ finding }) => finding),
      damage,
    );
    const model = await ReportModel.open(folder, config, manifest, gaps);
    if (options.explains === true && model === undefined)
      gaps.push(notExplained('the model is gone, or is another than it was'));
    const graph = model?.graph;
    const answers: AnswerFinding | undefined =
      model && ((...shown) => findingAnswers((testcase) => model.answer(testcase), ...shown));
    const explainer =
      options.explains === true && model !== undefined
        ? new FaultExplainer(
            explainedConfig(config, manifest.inputs, model.path, String(manifest.settings.seed)),
            await readSeedTestcases(folder, lineages, manifest, findings),
            gaps,
          )
        : undefined;
    const context: FaultContext = {
      ...{ folder, config, manifest, graph, lineages, budget, answers, explainer, replayLine },
    };
    try {
      for (const fault of options.faults.slice(0, maxFaults)) {
        const located = findings.filter(({ finding }) => finding.signature === fault.signature);
        if (located.length > 0) faults.push(await collectFault(context, fault, located));
      }
    } finally {
      model?.close();
    }
  }
  const model = String(manifest.resolved.modelGiven ?? manifest.settings.model ?? folder);
  return {
    folder,
    model,
    name: basename(model),
    objectives: objectiveSpecs(config.objective),
    settings: settingRows(manifest),
    threat: threat.lines,
    began: times[0] ?? null,
    ended: times.at(-1) ?? null,
    statistics: statistics.latest,
    history: statistics.history,
    mutators: statistics.mutators,
    sites: statistics.sites,
    seedAccounts,
    newFaults: statistics.newFaults,
    faults,
    remainingFaults: options.faults.slice(maxFaults),
    mixed: events.some(({ mixed }) => mixed === true),
    gaps: [...gaps, ...damage],
    damage,
  };
}

/** Most seeds that are read for explanations. */
const MAX_SEEDS = 20;

/** Seeds from the corpus, and those that are findings themselves. */
async function readSeedTestcases(
  folder: string,
  { seedIds }: LineageIndex,
  { inputs }: CampaignManifest,
  findings: readonly LocatedFinding[],
): Promise<readonly TestcaseData[]> {
  const seeds: TestcaseData[] = [];
  for (const id of seedIds.slice(0, MAX_SEEDS)) {
    const located = findings.find(({ finding }) => finding.id === id);
    const path = located === undefined ? testcasePath(folder, id) : join(located.folder, INPUT_FILE);
    const loaded = await loadTestcase(path, inputs, id);
    if (typeof loaded !== 'string') seeds.push(loaded.data);
  }
  return seeds;
}

/** The resolved settings as names and values, followed by digests and versions. */
function settingRows({ settings, resolved, coverage }: CampaignManifest): [name: string, value: string][] {
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : (JSON.stringify(value)?.replaceAll('"', '') ?? '');
  const order = (key: string): number =>
    LEADING_SETTINGS.includes(key) ? LEADING_SETTINGS.indexOf(key) : LEADING_SETTINGS.length;
  const { batchDependence } = resolved;
  const rows = Object.entries(settings)
    .filter(([key, value]) => !HIDDEN_SETTINGS.has(key) && value !== false)
    .sort(([a], [b]) => order(a) - order(b))
    .map(([key, value]): [string, string] => {
      if (key === 'model') return ['model', text(resolved.modelGiven ?? value)];
      if (key === 'coverage') return [key, coverage.join(', ')];
      if (key === 'batch' && isBatchDependence(batchDependence))
        return [key, `${text(value)}: ${dependenceText(batchDependence)}`];
      return [key, Array.isArray(value) ? value.map(text).join(', ') : text(value)];
    });
  rows.push(['model sha256', String(resolved.modelSha256)]);
  if (resolved.copySha256 !== undefined) rows.push(['second model sha256', String(resolved.copySha256)]);
  rows.push(['runtime', String(resolved.runtime)]);
  rows.push(['neurofuzz', `${resolved.neurofuzz}, Node ${resolved.node}`]);
  return rows;
}
