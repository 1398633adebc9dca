import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { errorMessage, UserError } from '../core/errors.ts';
import type { ImageFormat } from '../inputs/image.ts';
import { decodeTestcase, type Lineage, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { Graph } from '../model/graph/graph.ts';
import type { Finding } from '../storage/finding.ts';
import { INPUT_FILE, ROLES_FILE, TRANSFORMED_FILE } from '../storage/finding-files.ts';
import { loadTestcase, testcasePath } from '../storage/journal.ts';
import type { CampaignManifest, ManifestInput } from '../storage/manifest-reader.ts';
import { decodeValueRoles, type ValueRoles } from '../storage/value-roles.ts';
import type { LocatedFinding } from '../triage/findings.ts';
import { recordedImageFormats } from '../triage/image-formats.ts';
import { gapOf, strengthOf } from '../triage/strength.ts';
import type { TriagedFault } from '../triage/triage.ts';
import { collectNumbers } from './collect-numbers.ts';
import { collectOutputs } from './collect-outputs.ts';
import { collectTexts } from './collect-texts.ts';
import type { FaultExplainer } from './explain-faults.ts';
import { locateInGraph } from './graph-location.ts';
import type { LineageIndex } from './lineage.ts';
import { findingPictures, type PictureBudget, renderPicture } from './pictures/images.ts';
import type { ImageInput } from './pictures/levels.ts';
import { type FindingAnswers, NO_ANSWERS, type ShownTestcases } from './predictions.ts';
import type { FaultView, LineageStepView, OtherFindingView } from './view-model.ts';

/** Maximum number of further findings of a fault that are listed. */
const MAX_OTHER_FINDINGS = 20;

/** Maximum number of steps of a lineage that are shown with a picture. */
const MAX_LINEAGE_STEPS = 10;

/** Runs the model on the testcases of a finding. */
export type AnswerFinding = (
  finding: Finding,
  testcases: ShownTestcases<TestcaseData>,
) => Promise<FindingAnswers>;

/** A campaign from which faults are collected. */
export interface FaultContext {
  readonly folder: string;
  readonly config: CampaignConfig;
  readonly manifest: CampaignManifest;
  readonly graph: Graph | undefined;
  readonly lineages: LineageIndex;
  readonly budget: PictureBudget;
  /** Runs the model on the testcases of a finding; absent if it is not to be run, or cannot be. */
  readonly answers?: AnswerFinding | undefined;
  /** Draws where the model looked; absent if that is not asked for. */
  readonly explainer?: FaultExplainer | undefined;
  /** Makes the command that reproduces the finding in a folder. */
  readonly replayLine: (folder: string) => string;
}

/**
 * Collects everything that a report shows of a fault. Missing and damaged files are listed in the view's `gaps`.
 *
 * @param findings all findings of the fault; at least one
 */
export async function collectFault(
  context: FaultContext,
  fault: TriagedFault,
  findings: readonly LocatedFinding[],
): Promise<FaultView> {
  const { folder, config, graph, lineages, budget, replayLine } = context;
  const { inputs } = context.manifest;
  const shown = findings.find((located) => located.folder === fault.path) ?? findings[0];
  const others = findings.filter((located) => located !== shown).sort(strongestFirst);
  const { finding } = shown;
  const gaps: string[] = [];
  const testcase = await readTestcase(join(shown.folder, INPUT_FILE), inputs, finding.id, gaps);
  const seed = await loadSeed(folder, finding, findings, inputs);
  if (seed === undefined && finding.ancestor !== finding.id) gaps.push('Its seed is missing.');
  const transformed = await readFile(join(shown.folder, TRANSFORMED_FILE)).then(
    (bytes) => decodeTestcase(inputs, bytes, TRANSFORMED_FILE),
    () => undefined,
  );
  const roles = testcase && (await readRoles(join(shown.folder, ROLES_FILE), testcase));
  const answers = (await context.answers?.(finding, { seed, finding: testcase, transformed })) ?? NO_ANSWERS;
  const imageFormats = recordedImageFormats(inputs, config);
  const image = firstImage(imageFormats);
  // The only input of a language model is its prompt, which is shown as text.
  const hasNumbers = testcase !== undefined && config.generate === undefined;
  const ancestry = lineages.ancestryOf(finding);
  return {
    fault,
    finding,
    replay: replayLine(shown.folder),
    pictures:
      image === undefined || testcase === undefined
        ? []
        : await findingPictures(image, { testcase, seed, transformed, roles }, budget.picture),
    numbers: hasNumbers
      ? await collectNumbers(
          inputs.map(({ name }) => name),
          imageFormats,
          testcase,
          seed,
          roles,
          budget.picture,
        )
      : [],
    predictions: answers.predictions,
    explanations: testcase && (await context.explainer?.explain({ seed, finding: testcase })),
    texts: await collectTexts(shown, { config, testcase, seed, seedAnswer: answers.seedAnswer, roles }),
    outputs: await collectOutputs(shown, answers.classes),
    layerDivergence: finding.departures,
    graphLocation: locateInGraph(finding, graph),
    lineage:
      ancestry.length < 2
        ? undefined
        : {
            tree: lineages.treeOf([finding, ...others.map((located) => located.finding)]),
            steps: await lineageSteps(context, ancestry, image, testcase),
          },
    otherFindings: others.slice(0, MAX_OTHER_FINDINGS).map((located) => otherFindingView(folder, located)),
    gaps,
  };
}

function firstImage(imageFormats: readonly (ImageFormat | undefined)[]): ImageInput | undefined {
  for (const [input, imageFormat] of imageFormats.entries())
    if (imageFormat !== undefined) return { input, imageFormat };
  return undefined;
}

async function readTestcase(
  path: string,
  inputs: readonly ManifestInput[],
  id: string,
  gaps: string[],
): Promise<TestcaseData | undefined> {
  try {
    const testcase = decodeTestcase(inputs, await readFile(path), path);
    if (testcaseId(testcase) !== id) throw new UserError(`${path} is not the testcase that was found`);
    return testcase;
  } catch (error) {
    gaps.push(`Its input cannot be shown: ${errorMessage(error)}`);
    return undefined;
  }
}

/** Which values of a testcase the fault depends on; undefined if that is not recorded, or the file is damaged. */
async function readRoles(path: string, testcase: TestcaseData): Promise<ValueRoles | undefined> {
  try {
    return decodeValueRoles(testcase, await readFile(path), path);
  } catch {
    // Damage is named where findings are read.
    return undefined;
  }
}

/** Loads the seed of a finding, from the corpus or from the folder of a finding that is the seed itself. */
async function loadSeed(
  campaign: string,
  { ancestor, id }: Finding,
  findings: readonly LocatedFinding[],
  inputs: readonly ManifestInput[],
): Promise<TestcaseData | undefined> {
  if (ancestor === id) return undefined;
  const paths = [
    testcasePath(campaign, ancestor),
    ...findings
      .filter(({ finding }) => finding.id === ancestor)
      .map((located) => join(located.folder, INPUT_FILE)),
  ];
  for (const path of paths) {
    const loaded = await loadTestcase(path, inputs, ancestor);
    if (typeof loaded !== 'string') return loaded.data;
  }
  return undefined;
}

/** A testcase of a lineage; undefined where its file is missing or damaged. */
async function readStep(
  path: string,
  inputs: readonly ManifestInput[],
  id: string,
): Promise<TestcaseData | undefined> {
  const loaded = await loadTestcase(path, inputs, id);
  return typeof loaded === 'string' ? undefined : loaded.data;
}

/** Evenly spaced steps of a lineage, always with the seed and the finding. */
async function lineageSteps(
  { folder, manifest, budget }: FaultContext,
  ancestry: readonly Lineage[],
  image: ImageInput | undefined,
  testcase: TestcaseData | undefined,
): Promise<LineageStepView[]> {
  const last = ancestry.length - 1;
  const count = Math.min(MAX_LINEAGE_STEPS, ancestry.length);
  const chosen = new Set(Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1))));
  const steps: LineageStepView[] = [];
  for (const [i, { id, mutators }] of ancestry.entries()) {
    if (!chosen.has(i)) continue;
    const data = i === last ? testcase : await readStep(testcasePath(folder, id), manifest.inputs, id);
    const isShown = image !== undefined && data !== undefined;
    const picture = isShown ? await renderPicture(id, image, data, budget.step) : undefined;
    steps.push({ id, mutators, picture });
  }
  return steps;
}

/** Orders findings by the smaller gap of two models, the largest first; others stay in their order. */
function strongestFirst({ finding: a }: LocatedFinding, { finding: b }: LocatedFinding): number {
  const [strength, otherStrength] = [strengthOf(gapOf(a)), strengthOf(gapOf(b))];
  return strength === otherStrength ? 0 : otherStrength - strength;
}

function otherFindingView(campaign: string, { folder, finding }: LocatedFinding): OtherFindingView {
  const { distance, status, minimized } = finding;
  const gap = gapOf(finding);
  return { path: relative(campaign, folder), distance, gap, status, minimized: minimized !== undefined };
}
