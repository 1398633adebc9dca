import { renderFindingArtifacts } from '../../campaign/findings/finding-artifacts.ts';
import type { Distance } from '../../constraints/distance.ts';
import type { RerunResult } from '../../evaluation/rerun-testcase.ts';
import { stringsText } from '../../inputs/strings/strings-text.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import { readTokenizer } from '../../model/language/tokenizer.ts';
import { comparesModels } from '../../objectives/registry.ts';
import type { CampaignStore } from '../../storage/campaign-store.ts';
import {
  type Finding,
  FORMAT_VERSION,
  findingFolder,
  type MinimizeGoal,
  replayRecord,
} from '../../storage/finding.ts';
import { ROLES_FILE } from '../../storage/finding-files.ts';
import { recordedImageFormats } from '../image-formats.ts';
import type { OpenCampaign } from '../open-campaign.ts';
import type { VariantAssessment } from './assess-variant.ts';
import { promptTokens } from './minimize-prompt.ts';

/** The record of a minimized finding: the original's, except for what the rerun measured anew. */
export function minimizedRecord(
  finding: Finding,
  goal: MinimizeGoal,
  id: string,
  distance: Distance,
  rerun: RerunResult,
  { severity, freeValues }: VariantAssessment,
): Finding {
  const {
    severity: _severity,
    departures: _departures,
    origin: _origin,
    // Of the testcase before it was shrunk.
    latent: _latent,
    judges: _judges,
    ...original
  } = finding;
  return {
    ...original,
    formatVersion: FORMAT_VERSION,
    id,
    parent: finding.id,
    generation: finding.generation + 1,
    mutators: ['minimize'],
    summary: rerun.summary ?? finding.summary,
    violation: {
      tensors: finding.violation.tensors,
      details: rerun.violation?.details ?? finding.violation.details,
    },
    distance,
    ...(rerun.origin === undefined ? {} : { origin: rerun.origin }),
    ...(severity === undefined ? {} : { severity }),
    reproduced: `${rerun.matchingRuns}/${rerun.totalRuns}`,
    minimized: { from: finding.id, goal },
    ...(freeValues === undefined ? {} : { freeValues: freeValues.counts }),
    ...replayRecord(findingFolder(finding.signature, id, false)),
  };
}

/**
 * Writes a minimized finding with its files to disk.
 *
 * @param prompt index of the prompt among the inputs; negative if the model takes none
 * @param files to write beside those of every finding
 */
export async function storeVariant(
  { config, inputs }: OpenCampaign,
  store: CampaignStore,
  record: Finding,
  testcase: TestcaseData,
  prompt: number,
  rerun: RerunResult,
  { freeValues }: VariantAssessment,
  files: ReadonlyMap<string, Uint8Array> = new Map(),
): Promise<void> {
  const tokenizer =
    config.generate === undefined ? undefined : await readTokenizer(config.generate.vocabulary);
  const artifacts = await renderFindingArtifacts(
    record,
    {
      testcase,
      outputs: comparesModels(record.objective) ? rerun.outputs : undefined,
      text:
        tokenizer?.decode(prompt < 0 ? [] : promptTokens(testcase, prompt)) ??
        (inputs.some(({ strings }) => strings !== undefined) ? stringsText(testcase) : undefined),
    },
    recordedImageFormats(inputs, config),
  );
  if (freeValues !== undefined) artifacts.set(ROLES_FILE, freeValues.bytes);
  for (const [name, bytes] of files) artifacts.set(name, bytes);
  await store.writeFinding(findingFolder(record.signature, record.id, false), record, artifacts);
}
