import { join } from 'node:path';
import { type Distance, measureDistance } from '../../constraints/distance.ts';
import { UserError } from '../../core/errors.ts';
import { type ImageFormat, resolveImageFormat } from '../../inputs/image.ts';
import { inferInputKind } from '../../inputs/input-kind.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../../inputs/testcase.ts';
import { NO_TOKEN, PROMPT } from '../../model/language/generation.ts';
import { readTokenizer, type Tokenizer } from '../../model/language/tokenizer.ts';
import { packBatch } from '../../model/testcase-batch.ts';
import { comparesModels, objectiveSpecs } from '../../objectives/registry.ts';
import { CAMPAIGN_FILE, CampaignStore } from '../../storage/campaign-store.ts';
import type { Finding } from '../../storage/finding.ts';
import { FORMAT_VERSION, findingFolder } from '../../storage/finding.ts';
import { REFERENCE_FILE, TRANSFORMED_FILE } from '../../storage/finding-files.ts';
import { testcasePath } from '../../storage/journal.ts';
import { Lock } from '../../storage/lock.ts';
import { cloneData, makeData, readNumber, type TensorData, writeNumber } from '../../tensor/tensor.ts';
import { exists, readFinding, readFindingFile, readFindings } from '../findings.ts';
import { type OpenCampaign, openCampaign } from '../open-campaign.ts';
import {
  deltaDebug,
  findFirstFailing,
  type MarginOracle,
  subsets,
  type TestOracle,
  TryBudget,
} from './delta-debugging.ts';
import { type MinimizeValuesOptions, minimizeValues } from './minimize-values.ts';
import { applyEdits, diffTokens } from './token-edits.ts';

/** Variants of one finding that are run, unless told. */
export const DEFAULT_TRIES = 20_000;

/** What a smaller finding is small in: values that differ and by how much, edits of a prompt, or its length. */
export type MinimizeGoal = 'values' | 'edits' | 'length';

/** How findings are made smaller. */
export interface MinimizeOptions {
  /** Variants of one finding that are run at most. */
  readonly tries?: number | undefined;
  /** Whether to try although the model is another than it was found with. */
  readonly force?: boolean | undefined;
}

/** How making one finding smaller went. */
export interface MinimizeResult {
  readonly path: string;
  readonly signature: string;
  /** Smaller findings that were kept beside it. */
  readonly smaller: readonly {
    readonly goal: MinimizeGoal;
    readonly path: string;
    readonly id: string;
    readonly distance: Distance;
    /** Of a prompt: how many it has. */
    readonly tokens?: number;
  }[];
  readonly distance: Distance;
  readonly tokens?: number;
  /** Variants that were run. */
  readonly tries: number;
  /** Why nothing smaller was kept, a clause for people; undefined where something was. */
  readonly why?: string;
}

/**
 * Makes findings smaller, one after the other: what differs from the seed that a finding comes from is made as little as it
 * can be while it breaks the same thing in the same way. The originals stay as they are.
 *
 * @param paths findings, folders of them or campaigns
 * @throws UserError where a path holds no finding, or a finding or its campaign can't be read
 */
export async function* minimize(
  paths: readonly string[],
  { tries = DEFAULT_TRIES, force = false }: MinimizeOptions = {},
): AsyncGenerator<MinimizeResult> {
  for (const path of paths) {
    const found = [...readFindings(path)];
    if (found.length === 0 && !(await exists(join(path, CAMPAIGN_FILE))))
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    const done = new Set(found.flatMap(({ finding }) => finding.minimized?.from ?? []));
    for (const { folder, finding } of found) {
      if (finding.minimized !== undefined) continue;
      if (done.has(finding.id)) {
        const { signature, distance } = finding;
        yield { path: folder, signature, distance, smaller: [], tries: 0, why: 'it was made smaller before' };
      } else yield await minimizeOne(folder, tries, force);
    }
  }
}

function unchangedResult(path: string, { signature, distance }: Finding, why: string): MinimizeResult {
  return { path, signature, distance, smaller: [], tries: 0, why };
}

async function minimizeOne(folder: string, most: number, force: boolean): Promise<MinimizeResult> {
  const finding = await readFinding(folder);
  const refuse = (why: string): MinimizeResult => unchangedResult(folder, finding, why);
  if (finding.status !== 'confirmed')
    return refuse(`it is ${finding.status}: what does not show alone can't be told`);
  if (await exists(join(folder, TRANSFORMED_FILE)))
    return refuse('its objective would have to change each variant anew');
  if (await exists(join(folder, REFERENCE_FILE)))
    return refuse('how long a run takes is no matter of few tries');
  if (finding.ancestor === finding.id) return refuse('it is a seed');
  const campaign = await openCampaign(folder, finding);
  let lock: Lock | undefined;
  try {
    const isSame =
      campaign.modelSha256 === finding.model.sha256 && campaign.secondModelSha256 === finding.copy?.sha256;
    if (!isSame && !force)
      return refuse('the model has changed since it was found: --force tries all the same');
    lock = await Lock.acquire(campaign.folder);
    return await minimizeFinding(campaign, folder, finding, most);
  } finally {
    campaign.rerunClient.close();
    await lock?.release();
  }
}

async function minimizeFinding(
  campaign: OpenCampaign,
  folder: string,
  finding: Finding,
  most: number,
): Promise<MinimizeResult> {
  const { inputs, config, rerunClient, modelPath, loadOptions } = campaign;
  const { signature, distance } = finding;
  const refuse = (why: string): MinimizeResult => unchangedResult(folder, finding, why);
  const read = async (path: string): Promise<TestcaseData> =>
    decodeTestcase(inputs, await readFindingFile(path), path);
  const data = await read(join(folder, 'input.npz'));
  const seed = await read(testcasePath(campaign.folder, finding.ancestor));
  const pictures = picturesOf(campaign);
  const budget = new TryBudget(most);
  const common = {
    model: modelPath,
    loadOptions,
    objectives: objectiveSpecs(config.objective),
    expectedViolation: { signature, tensors: finding.violation.tensors },
    canTrace: finding.violation.details.origin !== undefined,
    label: finding.label,
  };
  const tries: TestOracle<TestcaseData> = (variants) =>
    rerunClient.testVariants({ ...common, batch: packBatch(variants), rows: variants.length });
  const nearness: MarginOracle<TestcaseData> = (variants) =>
    rerunClient.variantMargins({ ...common, batch: packBatch(variants), rows: variants.length });
  const isAlike = seed.form.key === data.form.key;
  const at = inputs.findIndex(
    ({ name, shape }) => config.generate !== undefined && name === PROMPT && shape.length === 1,
  );
  if (at < 0 && !isAlike) return refuse('its shape is not that of its seed');
  const candidates: { readonly goal: MinimizeGoal; readonly data: TestcaseData }[] =
    at < 0
      ? [
          {
            goal: 'values',
            data: await minimizeFindingValues(campaign, seed, data, {
              oracle: tries,
              marginOracle: nearness,
              budget,
              imageFormats: pictures,
            }),
          },
        ]
      : await minimizePrompt(seed, data, at, tries, budget);
  const lengthOf = (testcase: TestcaseData) => (at < 0 ? {} : { tokens: tokensOf(testcase, at).length });
  const smaller: MinimizeResult['smaller'][number][] = [];
  const store = await CampaignStore.open(campaign.folder, pictures, 0);
  const language = await tokenizerOf(campaign);
  for (const { goal, data: small } of candidates) {
    const id = testcaseId(small);
    if (id === finding.id || smaller.some((one) => one.id === id)) continue;
    const path = findingFolder(signature, id, false);
    const pads = inputs.map((_, i) => (i === at ? NO_TOKEN : undefined));
    const own = measureDistance(small, seed, pads);
    const placed = { goal, path: join(campaign.folder, path), id, distance: own, ...lengthOf(small) };
    if ((await store.readFinding(path)) !== undefined) {
      // Another finding came down to the same.
      smaller.push(placed);
      continue;
    }
    const again = await rerunClient.reproduce(finding.objective, {
      ...common,
      batch: small,
      rows: 1,
      row: 0,
      explainsOrigin: true,
    });
    if (again.matchingRuns < again.totalRuns) continue;
    const { severity: _severity, departures: _departures, origin: _origin, ...kept } = finding;
    await store.writeFinding(
      path,
      {
        ...kept,
        formatVersion: FORMAT_VERSION,
        id,
        parent: finding.id,
        generation: finding.generation + 1,
        mutators: ['minimize'],
        summary: again.summary ?? finding.summary,
        violation: {
          tensors: finding.violation.tensors,
          details: again.violation?.details ?? finding.violation.details,
        },
        distance: own,
        ...(again.origin === undefined ? {} : { origin: again.origin }),
        reproduced: `${again.matchingRuns}/${again.totalRuns}`,
        minimized: { from: finding.id, goal },
        replay: `neurofuzz replay ${path}`,
      },
      small,
      {
        ...(comparesModels(finding.objective) ? { outputs: again.outputs } : {}),
        text: language?.decode(tokensOf(small, at)),
      },
    );
    smaller.push(placed);
  }
  const why = smaller.length > 0 ? {} : { why: 'nothing smaller breaks in the same way' };
  return {
    path: folder,
    signature,
    distance,
    ...lengthOf(data),
    smaller,
    tries: most - budget.remaining,
    ...why,
  };
}

/** A prompt that is few edits from its seed's, and one that is short. */
async function minimizePrompt(
  seed: TestcaseData,
  data: TestcaseData,
  at: number,
  tries: TestOracle<TestcaseData>,
  budget: TryBudget,
): Promise<{ readonly goal: MinimizeGoal; readonly data: TestcaseData }[]> {
  const [from, to] = [tokensOf(seed, at), tokensOf(data, at)];
  const withTokens = (tokens: readonly number[]): TestcaseData => withPrompt(data, at, tokens);
  const prompts: TestOracle<readonly number[]> = async (variants) => {
    // A prompt has to hold something.
    const full = variants.filter(({ length }) => length > 0);
    const held = full.length === 0 ? [] : [...(await tries(full.map(withTokens)))];
    return variants.map(({ length }) => length > 0 && held.shift() === true);
  };
  const edits = diffTokens(from, to);
  const some = (kept: readonly number[]): number[] =>
    applyEdits(
      from,
      kept.map((i) => edits[i]),
    );
  const parts = (share: number): TryBudget => {
    const part = new TryBudget(Math.ceil(budget.remaining * share));
    budget.remaining -= part.remaining;
    return part;
  };
  const spare = (part: TryBudget): void => {
    budget.remaining += part.remaining;
  };
  let part = parts(1 / 4);
  const keptEdits = await deltaDebug(edits.length, some, prompts, part);
  spare(part);
  part = parts(1 / 3);
  const near =
    (await findFirstFailing(mapIterable(subsets(edits.length, keptEdits.length), some), prompts, part)) ??
    some(keptEdits);
  spare(part);
  part = parts(1 / 2);
  const kept = await deltaDebug(to.length, (places) => places.map((i) => to[i]), prompts, part);
  spare(part);
  const left = kept.map((i) => to[i]);
  const short = (await findFirstFailing(shorterSlices(to, left.length), prompts, budget)) ?? left;
  return [
    { goal: 'edits', data: withTokens(near) },
    { goal: 'length', data: withTokens(short) },
  ];
}

function* mapIterable<A, B>(items: Iterable<A>, to: (item: A) => B): Generator<B> {
  for (const item of items) yield to(item);
}

/** Pieces of a text that are shorter than `below`, from the shortest on. */
function* shorterSlices(tokens: readonly number[], below: number): Generator<readonly number[]> {
  for (let length = 1; length < below; length++)
    for (let from = 0; from + length <= tokens.length; from++) yield tokens.slice(from, from + length);
}

function tokensOf({ form, inputs }: TestcaseData, at: number): number[] {
  if (at < 0) return [];
  const { type, size } = form.inputs[at];
  return Array.from({ length: size }, (_, i) => readNumber(type, inputs[at], i)).filter(
    (id) => id !== NO_TOKEN,
  );
}

/** A testcase with another prompt, behind which there are places that hold no token. */
function withPrompt({ form, inputs }: TestcaseData, at: number, tokens: readonly number[]): TestcaseData {
  const { type, size } = form.inputs[at];
  const own = makeData(type, size);
  for (let i = 0; i < size; i++) writeNumber(type, own, i, tokens[i] ?? NO_TOKEN);
  return { form, inputs: inputs.map((column, i): TensorData => (i === at ? own : cloneData(column))) };
}

function minimizeFindingValues(
  { config, inputs }: OpenCampaign,
  seed: TestcaseData,
  testcase: TestcaseData,
  search: Pick<MinimizeValuesOptions, 'oracle' | 'marginOracle' | 'budget' | 'imageFormats'>,
): Promise<TestcaseData> {
  const tokens = new Set(Object.keys(config.tokens ?? {}));
  const isNumber = (input: number): boolean => {
    const { type, name } = inputs[input];
    return type !== 'bool' && !tokens.has(name) && inferInputKind(inputs[input]) !== 'tokens';
  };
  const { linf = Number.POSITIVE_INFINITY, l2, deephunter, table } = config;
  const isFree = l2 === undefined && deephunter === undefined && table === undefined;
  const bounds = isFree
    ? (input: number) => ({ low: inputs[input].range[0], high: inputs[input].range[1], most: linf })
    : undefined;
  return minimizeValues({ seed, testcase, isNumber, bounds, ...search });
}

/** What each input's values look like; undefined for those that are no pictures. */
function picturesOf({ config, inputs }: OpenCampaign): (ImageFormat | undefined)[] {
  return inputs.map((input) => {
    const isPicture = config.preprocess?.[input.name] !== undefined || inferInputKind(input) === 'image';
    return isPicture ? resolveImageFormat(input, config.preprocess?.[input.name], input.range) : undefined;
  });
}

async function tokenizerOf({ config }: OpenCampaign): Promise<Tokenizer | undefined> {
  return config.generate === undefined ? undefined : readTokenizer(config.generate.vocabulary);
}
