import { join } from 'node:path';
import type { FindingPair } from '../../analysis/spectral/seen-gain.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { inferInputs } from '../../inputs/infer-input.ts';
import { type InputDescriptor, spanOf } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { ModelInfo } from '../../model/model.ts';
import { drawnSizes } from '../../setup/inspect.ts';
import { INPUT_FILE } from '../../storage/finding-files.ts';
import { loadTestcase, testcasePath } from '../../storage/journal.ts';
import { modelPath } from '../../storage/load-options.ts';
import { isCampaign, readFindings } from '../../triage/findings.ts';
import { type ModelSession, withModelSession } from '../../workers/model-session.ts';
import type { MeasuredSpectra } from '../../workers/services/model-service.ts';
import { type ModelSeeds, readSeeds } from '../read-seeds.ts';

/** Version of the object that `inspect --spectral --json` prints. */
const SPECTRAL_VERSION = 1;

/** Most seeds that pairs are made of, and pairs. */
const MAX_SEEDS = 64;
const PAIRS = 1024;

/** Most findings of a campaign that are compared with their seeds. */
const MAX_FINDINGS = 256;

/** Most that σ may differ from what is expected, as a share of that. */
export const EXPECTED_WITHIN = 0.02;

/** What `inspect --spectral` says of a model. */
export interface SpectralReport extends MeasuredSpectra {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256' | 'runtime'>;
  /** The singular value that every weight should have; null where none is asked for. */
  readonly expected: number | null;
  /** Weights whose largest singular value differs from that. */
  readonly off: readonly string[];
  readonly notes: readonly string[];
}

/** What is asked of weights. */
export interface SpectralOptions {
  /** The largest singular value that every weight should have; undefined for no check. */
  readonly expected?: number | undefined;
  /** Campaigns of the model, whose findings are compared with their seeds. */
  readonly campaigns?: readonly string[] | undefined;
}

/**
 * Measures what the weights of a model do to lengths.
 *
 * @throws UserError where the model can't be loaded, or a value is expected and it has no weights that can be read
 */
export function inspectSpectra(
  config: ModelConfig & InputConfig,
  { expected, campaigns = [] }: SpectralOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<SpectralReport> {
  return withModelSession(config, async (session) => {
    const { path, format, sha256, runtime } = session.info;
    const { request, notes } = await testcasesFor(session, config, campaigns, notices);
    const spectra = await session.measureSpectra(request, weightProgress(onProgress));
    if (expected !== undefined && spectra.layers.length === 0)
      throw new UserError(`--expect: ${path} has no constant weights that can be read: remove --expect`);
    return {
      formatVersion: SPECTRAL_VERSION,
      model: { path: modelPath(config).asGiven, format, sha256, runtime },
      ...spectra,
      expected: expected ?? null,
      off: expected === undefined ? [] : weightsOff(spectra, expected),
      notes,
    };
  });
}

function weightsOff({ layers }: MeasuredSpectra, expected: number): string[] {
  const isOff = (sigma: number | null): boolean =>
    sigma === null || Math.abs(sigma - expected) > EXPECTED_WITHIN * expected;
  return layers.filter(({ sigma }) => isOff(sigma)).map(({ weight }) => weight);
}

interface Testcases {
  readonly request: Parameters<ModelSession['measureSpectra']>[0];
  readonly notes: readonly string[];
}

/** Reports the share of the weights that are measured. */
export function weightProgress(onProgress: OnProgress): (share: number) => void {
  const report = (share: number): void =>
    onProgress({
      label: 'weights',
      done: Math.round(100 * share),
      total: 100,
      unit: 'percent',
      units: 'percent',
    });
  report(0);
  return report;
}

/** A testcase that shows sizes, and with seeds the pairs of the lower bound. */
async function testcasesFor(
  session: ModelSession,
  config: ModelConfig & InputConfig,
  campaigns: readonly string[],
  notices: Notices,
): Promise<Testcases> {
  const { testcase, note, seeds } = await testcaseFor(session, config, notices);
  const findings = (await Promise.all(campaigns.map((path) => findingPairs(session, path)))).flat();
  const notes = note === undefined ? [] : [note];
  if (testcase === undefined || (seeds === undefined && findings.length === 0))
    return { request: { testcase, pairs: undefined }, notes };
  const alike = (seeds?.seeds ?? []).slice(0, MAX_SEEDS).filter(({ form }) => form.key === testcase.form.key);
  const spans = (seeds?.descriptors ?? []).map(movingSpan);
  const pairs = { testcases: alike.map(plain), spans, pairs: alike.length === 0 ? 0 : PAIRS, findings };
  return { request: { testcase, pairs }, notes };
}

/** The findings of a campaign with the seeds that they descend from; those whose files are damaged are left out. */
async function findingPairs(session: ModelSession, campaign: string): Promise<FindingPair[]> {
  if (!(await isCampaign(campaign)))
    throw new UserError(`--findings: ${campaign} is not the folder of a campaign`);
  const inputs = stripBatchDimension(session.info.inputs);
  const pairs: FindingPair[] = [];
  for (const { folder, finding } of readFindings(campaign, [])) {
    const found = await loadTestcase(join(folder, INPUT_FILE), inputs, finding.id);
    const seed = await loadTestcase(testcasePath(campaign, finding.ancestor), inputs, finding.ancestor);
    if (typeof found === 'object' && typeof seed === 'object')
      pairs.push({ id: finding.id, seed: plain(seed.data), finding: plain(found.data) });
    if (pairs.length === MAX_FINDINGS) break;
  }
  if (pairs.length === 0)
    throw new UserError(`--findings: ${campaign} has no finding of inputs that this model takes`);
  return pairs;
}

/** A testcase that a model runs on: the first seed, or one that is drawn where there are none. */
export async function testcaseFor(
  session: ModelSession,
  config: InputConfig & ModelConfig,
  notices: Notices,
): Promise<{
  readonly testcase: TestcaseData | undefined;
  /** Why there is none. */
  readonly note: string | undefined;
  readonly seeds?: ModelSeeds;
}> {
  const { info } = session;
  if (config.seeds === undefined)
    return drawnSizes(session, inferInputs(stripBatchDimension(info.inputs), info)).then(
      ({ testcase, note }) => ({ testcase, note }),
    );
  const seeds = await readSeeds(info, config, notices);
  return { testcase: plain(seeds.seeds[0]), note: undefined, seeds };
}

function plain({ form, inputs }: TestcaseData): TestcaseData {
  return { form, inputs };
}

/** Length of the range of an input of numbers; undefined for others. */
function movingSpan(descriptor: InputDescriptor): number | undefined {
  const isNumbers = descriptor.domains.includes('numbers') || descriptor.picture !== undefined;
  return isNumbers ? spanOf(descriptor) : undefined;
}
