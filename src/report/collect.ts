import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { checkSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { errorMessage, MachineError, UserError } from '../core/errors.ts';
import { type ImageFormat, resolveImageFormat } from '../inputs/image.ts';
import { inferInputKind } from '../inputs/input-kind.ts';
import { decodeTestcase, type TestcaseData } from '../inputs/testcase.ts';
import type { Graph } from '../model/graph/graph.ts';
import type { NamedTensor } from '../model/model.ts';
import { comparesModels, objectiveSpecs } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';
import { decodeOutputs, OUTPUTS_FILE, TRANSFORMED_FILE } from '../storage/finding-files.ts';
import { loadTestcase, testcasePath } from '../storage/journal.ts';
import { findDerivedModel, loadOptions, secondModelOptions } from '../storage/load-options.ts';
import { type CampaignManifest, type ManifestInput, readManifest } from '../storage/manifest-reader.ts';
import { readNumber } from '../tensor/tensor.ts';
import { readFindings } from '../triage/findings.ts';
import type { TriagedFault } from '../triage/triage.ts';
import { RerunClient } from '../workers/rerun-client.ts';
import { memoryShare } from '../workers/resource-limits.ts';
import { locateInGraph } from './graph-location.ts';
import { type PictureBudget, pictureTriple, renderPicture, renderStrips, valuesIn } from './images.ts';
import { LineageIndex } from './lineage.ts';
import type {
  CampaignView,
  FaultView,
  HistoryPoint,
  LineageStepView,
  NumbersView,
  OtherFindingView,
  OutputView,
  StatisticsView,
  TextView,
} from './view-model.ts';

/** Settings that say what was fuzzed and how, in this order; the others are told where they are no defaults. */
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
const HIDDEN_SETTINGS = new Set(['formatVersion', 'resolved', 'jobs', 'table', 'tokens', 'preprocess']);

/** Inputs of numbers that are shown, numbers of each, and of an output. */
const MAX_INPUTS = 4;
const MAX_NUMBERS = 12;
const MAX_CLASSES = 5;

/** Milliseconds that loading the model may take, and the pause after which a hanging run of it would be ended. */
const TIMEOUT_MS = 30_000;

/** Letters shown of a text on each side of what is marked, and of that. */
const MAX_CHARACTERS = 2_000;

/** Other findings of a fault that are named. */
const MAX_OTHER_FINDINGS = 20;

/** Steps of a line of descent that are shown with their pictures. */
const MAX_LINEAGE_STEPS = 10;

/** How a campaign is looked at. */
export interface CollectOptions {
  readonly faults: readonly TriagedFault[];
  /** Faults that are shown in full; the others are only named. */
  readonly maxFaults: number;
  readonly budget: PictureBudget;
  /** The command that runs a finding again. */
  readonly replayLine: (folder: string) => string;
}

/**
 * Reads what a report shows of a campaign. What is damaged or gone is a gap and keeps nothing else from being shown.
 *
 * @throws UserError where the folder is no campaign
 */
export async function collectCampaign(folder: string, options: CollectOptions): Promise<CampaignView> {
  const recorded = await readManifest(folder);
  const file = join(folder, CAMPAIGN_FILE);
  const config = checkSettings(await readCampaignFile(file), {}, file);
  const gaps: string[] = [];
  const graph = options.faults.length === 0 ? undefined : await loadGraph(folder, config, recorded, gaps);
  const { stats, history } = await readStats(folder);
  const events = await readJsonLines(join(folder, 'events.jsonl'));
  const times = events.flatMap(({ time }) => (typeof time === 'string' ? [time] : []));
  const all = options.faults.length === 0 ? [] : [...readFindings(join(folder, 'findings'))];
  const lineages = await LineageIndex.read(
    folder,
    all.map(({ finding }) => finding),
  );
  const parts: CollectContext = { folder, config, recorded, graph, lineages, options };
  const faults: FaultView[] = [];
  for (const fault of options.faults.slice(0, options.maxFaults)) {
    const own = all.filter(({ finding }) => finding.signature === fault.signature);
    if (own.length > 0) faults.push(await faultView(parts, fault, own));
  }
  const model = String(recorded.resolved.modelGiven ?? recorded.settings.model ?? folder);
  return {
    folder,
    model,
    name: basename(model),
    objectives: objectiveSpecs(config.objective),
    settings: settingRows(recorded),
    began: times[0] ?? null,
    ended: times.at(-1) ?? null,
    statistics: stats as StatisticsView | undefined,
    history,
    mutators: listAt(stats, 'mutators'),
    sites: listAt(stats, 'sites'),
    faults,
    remainingFaults: options.faults.slice(options.maxFaults),
    mixed: events.some(({ mixed }) => mixed === true),
    gaps,
  };
}

interface CollectContext {
  readonly folder: string;
  readonly config: CampaignConfig;
  readonly recorded: CampaignManifest;
  readonly graph: Graph | undefined;
  readonly lineages: LineageIndex;
  readonly options: CollectOptions;
}

interface LocatedFinding {
  readonly folder: string;
  readonly finding: Finding;
}

/** The model's graph, where the model is still there and the same. */
async function loadGraph(
  folder: string,
  config: CampaignConfig,
  { modelSha256 }: CampaignManifest,
  gaps: string[],
): Promise<Graph | undefined> {
  if (config.model === undefined) return undefined;
  const reproducer = new RerunClient({ timeout: TIMEOUT_MS, memory: memoryShare(1) });
  try {
    const derived = config.quantize === undefined ? undefined : await findDerivedModel(folder);
    const secondModel = secondModelOptions(config, derived);
    const load = { ...loadOptions(config), ...(secondModel === undefined ? {} : { secondModel }) };
    const { sha256, graph } = await reproducer.identify(config.model, load);
    if (sha256 === modelSha256) return graph;
    gaps.push('the model has changed since: of its graph only the way to the output is shown');
  } catch (error) {
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    gaps.push(`the model's graph cannot be shown: ${errorMessage(error)}`);
  } finally {
    reproducer.close();
  }
  return undefined;
}

async function faultView(
  parts: CollectContext,
  fault: TriagedFault,
  all: readonly LocatedFinding[],
): Promise<FaultView> {
  const { folder, graph, lineages, options, recorded } = parts;
  const shown = all.find((one) => one.folder === fault.path) ?? all[0];
  const { finding } = shown;
  const gaps: string[] = [];
  const inputs = recorded.inputs;
  const testcase = await readTestcase(join(shown.folder, 'input.npz'), inputs, gaps);
  const seed = await loadSeed(folder, finding, all, inputs);
  if (seed === undefined && finding.ancestor !== finding.id) gaps.push('its seed is gone');
  const changed = await readFile(join(shown.folder, TRANSFORMED_FILE)).then(
    (bytes) => decodeTestcase(inputs, bytes, TRANSFORMED_FILE),
    () => undefined,
  );
  const pictures = picturesOf(parts);
  const at = pictures.findIndex((picture) => picture !== undefined);
  const picture = pictures[at];
  const line = lineages.ancestryOf(finding);
  const findings = [finding, ...all.filter((one) => one !== shown).map((one) => one.finding)];
  return {
    fault,
    finding,
    replay: options.replayLine(shown.folder),
    pictures:
      picture === undefined || testcase === undefined
        ? []
        : await pictureTriple(picture, testcase, at, seed, changed, options.budget.picture),
    numbers: testcase === undefined ? [] : await numbersOf(parts, pictures, testcase, seed),
    texts: await textsOf(shown),
    outputs: await outputsOf(shown),
    layerDivergence: finding.departures,
    graphLocation: locateInGraph(finding, graph),
    lineage:
      line.length < 2
        ? undefined
        : {
            tree: lineages.treeOf(findings),
            steps: await lineageSteps(parts, line, at, picture, testcase),
          },
    otherFindings: all
      .filter((one) => one !== shown)
      .slice(0, MAX_OTHER_FINDINGS)
      .map((one) => otherFindingView(folder, one)),
    gaps,
  };
}

async function readTestcase(
  path: string,
  inputs: readonly ManifestInput[],
  gaps: string[],
): Promise<TestcaseData | undefined> {
  try {
    return decodeTestcase(inputs, await readFile(path), path);
  } catch (error) {
    gaps.push(`its input cannot be shown: ${errorMessage(error)}`);
    return undefined;
  }
}

/** The seed that a finding comes from: in the corpus, or a finding itself. */
async function loadSeed(
  campaign: string,
  { ancestor, id }: Finding,
  all: readonly LocatedFinding[],
  inputs: readonly ManifestInput[],
): Promise<TestcaseData | undefined> {
  if (ancestor === id) return undefined;
  const places = [
    testcasePath(campaign, ancestor),
    ...all.filter(({ finding }) => finding.id === ancestor).map((one) => join(one.folder, 'input.npz')),
  ];
  for (const place of places) {
    const loaded = await loadTestcase(place, inputs, ancestor);
    if (typeof loaded !== 'string') return loaded;
  }
  return undefined;
}

/** What each input's values look like; undefined for those that are no pictures. */
function picturesOf({ config, recorded }: CollectContext): (ImageFormat | undefined)[] {
  return recorded.inputs.map((input) => {
    const settings = config.preprocess?.[input.name];
    const isPicture = settings !== undefined || inferInputKind(input) === 'image';
    return isPicture ? resolveImageFormat(input, settings, input.range) : undefined;
  });
}

async function numbersOf(
  { recorded, config, options }: CollectContext,
  pictures: readonly (ImageFormat | undefined)[],
  testcase: TestcaseData,
  seed: TestcaseData | undefined,
): Promise<NumbersView[]> {
  const views: NumbersView[] = [];
  for (const [i, { name }] of recorded.inputs.entries()) {
    // A model that goes on with texts takes a prompt, which is shown as text.
    if (pictures[i] !== undefined || config.generate !== undefined || views.length === MAX_INPUTS) continue;
    const now = valuesIn(testcase, i);
    const from = seed === undefined ? undefined : valuesIn(seed, i);
    const sameLength = from?.length === now.length;
    const gap = (place: number): number => {
      const before = sameLength ? (from?.[place] ?? now[place]) : now[place];
      return Object.is(before, now[place]) ? -1 : Math.abs(now[place] - before) || 0;
    };
    const places = Array.from(now.keys());
    const changed = sameLength ? places.filter((place) => gap(place) >= 0) : places;
    if (changed.length === 0 && (from !== undefined || now.length > MAX_NUMBERS)) continue;
    const most = (changed.length === 0 ? places : [...changed].sort((a, b) => gap(b) - gap(a)))
      .slice(0, MAX_NUMBERS)
      .sort((a, b) => a - b);
    views.push({
      input: name,
      values: now.length,
      changed: from === undefined ? 0 : changed.length,
      largest: most.map((place) => ({
        place,
        seed: from === undefined ? '' : numberText(from[place]),
        now: numberText(now[place]),
      })),
      strips: now.length > MAX_NUMBERS ? await renderStrips(now, from, options.budget.picture) : [],
    });
  }
  return views;
}

function numberText(value: number | undefined): string {
  if (value === undefined) return '';
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(7)));
}

async function textsOf({ folder, finding }: LocatedFinding): Promise<TextView[]> {
  const { prompt, answer, from, to } = finding.violation.details;
  if (typeof prompt === 'string' && typeof answer === 'string') {
    const [start, end] = typeof from === 'number' && typeof to === 'number' ? [from, to] : [0, 0];
    return [
      { label: 'prompt', ...excerpt(prompt, 0, 0) },
      { label: 'answer', ...excerpt(answer, start, end) },
    ];
  }
  const text = await readFile(join(folder, 'input.txt'), 'utf8').catch(() => undefined);
  return text === undefined ? [] : [{ label: 'input as text', ...excerpt(text, 0, 0) }];
}

/** A text with what is marked of it, without what stands far from that. */
function excerpt(text: string, from: number, to: number): Omit<TextView, 'label'> {
  const before = text.slice(0, from);
  const after = text.slice(to);
  return {
    before: before.length > MAX_CHARACTERS ? `…${before.slice(-MAX_CHARACTERS)}` : before,
    marked: text.slice(from, Math.min(to, from + MAX_CHARACTERS)),
    after: after.length > MAX_CHARACTERS ? `${after.slice(0, MAX_CHARACTERS)}…` : after,
  };
}

/** The largest values that both runs gave, of outputs that may be classes. */
async function outputsOf({ folder, finding }: LocatedFinding): Promise<OutputView[]> {
  const bytes = await readFile(join(folder, OUTPUTS_FILE)).catch(() => undefined);
  if (bytes === undefined) return [];
  let outputs: ReturnType<typeof decodeOutputs>;
  try {
    outputs = decodeOutputs(bytes, OUTPUTS_FILE);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
  const top = (tensor: NamedTensor | undefined): { place: number; value: number }[] =>
    tensor === undefined
      ? []
      : Array.from(tensor.data as ArrayLike<number>, (_, place) => ({
          place,
          value: readNumber(tensor.type, tensor.data, place),
        }))
          .sort((a, b) => Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value)) || b.value - a.value)
          .slice(0, MAX_CLASSES);
  const [own, other] = comparesModels(finding.objective)
    ? ['model', 'second model']
    : ['testcase', 'changed'];
  return outputs.reference.map((tensor) => ({
    output: tensor.name,
    sides: [
      { label: own, top: top(tensor) },
      { label: other, top: top(outputs.second.find(({ name }) => name === tensor.name)) },
    ],
  }));
}

/** Some steps of a line of descent, evenly, the seed and the finding among them. */
async function lineageSteps(
  { folder, recorded, options }: CollectContext,
  line: readonly { readonly id: string; readonly mutators: readonly string[] }[],
  at: number,
  picture: ImageFormat | undefined,
  own: TestcaseData | undefined,
): Promise<LineageStepView[]> {
  const last = line.length - 1;
  const count = Math.min(MAX_LINEAGE_STEPS, line.length);
  const chosen = new Set(Array.from({ length: count }, (_, i) => Math.round((i * last) / (count - 1))));
  const steps: LineageStepView[] = [];
  for (const [i, { id, mutators }] of line.entries()) {
    if (!chosen.has(i)) continue;
    const stored = i === last ? own : await loadTestcase(testcasePath(folder, id), recorded.inputs, id);
    const data = typeof stored === 'string' ? undefined : stored;
    const isShown = picture !== undefined && data !== undefined;
    steps.push({
      id,
      mutators,
      picture: isShown ? await renderPicture(id, picture, data, at, options.budget.step) : undefined,
    });
  }
  return steps;
}

function otherFindingView(campaign: string, { folder, finding }: LocatedFinding): OtherFindingView {
  const { distance, status, minimized } = finding;
  return { path: relative(campaign, folder), distance, status, minimized: minimized !== undefined };
}

async function readStats(folder: string): Promise<{
  readonly stats: Readonly<Record<string, unknown>> | undefined;
  readonly history: HistoryPoint[];
}> {
  const text = await readFile(join(folder, 'stats.json'), 'utf8').catch(() => undefined);
  let stats: Readonly<Record<string, unknown>> | undefined;
  try {
    stats = text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>);
  } catch {
    // Figures that are torn are none: a report shows what there is.
    stats = undefined;
  }
  const lines = await readJsonLines(join(folder, 'stats.jsonl'));
  const history = lines.flatMap((line): HistoryPoint[] =>
    typeof line.execs === 'number' && Array.isArray(line.signatures)
      ? [{ ...(line as unknown as HistoryPoint), faults: line.signatures.length }]
      : [],
  );
  return { stats, history };
}

/** Lines of JSON, those that are whole. */
async function readJsonLines(path: string): Promise<Readonly<Record<string, unknown>>[]> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    try {
      const value = JSON.parse(line) as Readonly<Record<string, unknown>> | null;
      return typeof value === 'object' && value !== null ? [value] : [];
    } catch {
      return [];
    }
  });
}

function listAt<T>(stats: Readonly<Record<string, unknown>> | undefined, key: string): readonly T[] {
  const list = stats?.[key];
  return Array.isArray(list) ? (list as T[]) : [];
}

function settingRows({ settings, resolved, coverage }: CampaignManifest): [string, string][] {
  const text = (value: unknown): string =>
    typeof value === 'string' ? value : (JSON.stringify(value)?.replaceAll('"', '') ?? '');
  const order = (key: string): number =>
    LEADING_SETTINGS.includes(key) ? LEADING_SETTINGS.indexOf(key) : LEADING_SETTINGS.length;
  const own = Object.entries(settings)
    .filter(([key, value]) => !HIDDEN_SETTINGS.has(key) && value !== false)
    .sort(([a], [b]) => order(a) - order(b))
    .map(([key, value]): [string, string] => {
      if (key === 'model') return ['model', text(resolved.modelGiven ?? value)];
      if (key === 'coverage') return [key, coverage.join(', ')];
      return [key, Array.isArray(value) ? value.map(text).join(', ') : text(value)];
    });
  return [
    ...own,
    ['model sha256', String(resolved.modelSha256)],
    ...(resolved.copySha256 === undefined
      ? []
      : [['second model sha256', String(resolved.copySha256)] as [string, string]]),
    ['runtime', String(resolved.runtime)],
    ['neurofuzz', `${resolved.neurofuzz}, Node ${resolved.node}`],
  ];
}
