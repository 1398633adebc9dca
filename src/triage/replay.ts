import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Finding } from '../campaign/finding.ts';
import { copyIn, copyLoading, loadOptions } from '../campaign/loading.ts';
import { CHANGED_FILE, REFERENCE_FILE } from '../campaign/outputs.ts';
import { CAMPAIGN_FILE } from '../campaign/store.ts';
import { decodeTestcase } from '../campaign/testcase.ts';
import { checkSettings, readCampaignFile } from '../config/load.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { bytes, milliseconds } from '../config/values.ts';
import { reason, UserError } from '../errors.ts';
import { memoryShare } from '../isolation/limits.ts';
import { Reproducer } from '../isolation/reproducer.ts';
import type { InputSpec, LoadOptions } from '../models/model.ts';
import type { Rows } from '../models/rows.ts';
import { isDType } from '../models/tensor.ts';
import { objectiveSpecs } from '../objectives/registry.ts';
import type { Reproduction } from '../objectives/reproduce.ts';
import { exists, findingsIn, readFinding, readOrRefuse } from './findings.ts';

export type Verdict = 'still broken' | 'fixed' | 'flaky';

/** How running one finding again went. */
export interface Replayed {
  readonly path: string;
  readonly id: string;
  readonly signature: string;
  readonly verdict: Verdict;
  /** Such as `10/10`. */
  readonly reproduced: string;
  /** What came up instead, or what else is worth knowing. */
  readonly note: string;
}

interface Campaign {
  readonly config: CampaignConfig;
  /** As testcases have them. */
  readonly inputs: readonly InputSpec[];
  /** The model's file and its sha256 today. */
  readonly model: string;
  readonly load: LoadOptions;
  readonly sha256: string;
  readonly copySha256: string | undefined;
  readonly reproducer: Reproducer;
}

/**
 * Runs findings again, one after the other, each in a fresh session of the model.
 *
 * @param paths findings, folders of them or campaigns
 * @throws UserError where a path holds no finding, or a finding or its campaign can't be read
 */
export async function* replay(paths: readonly string[]): AsyncGenerator<Replayed> {
  for (const path of paths) {
    const folders = await findingsIn(path);
    if (folders.length === 0) {
      if (await exists(join(path, CAMPAIGN_FILE))) continue;
      throw new UserError(
        `${path} holds no finding: name a finding's folder, a folder of them or a campaign`,
      );
    }
    for (const folder of folders) yield await replayOne(folder);
  }
}

async function replayOne(folder: string): Promise<Replayed> {
  const finding = await readFinding(folder);
  const campaign = await openCampaign(folder, finding);
  const { config, inputs, model, load, sha256, copySha256, reproducer } = campaign;
  try {
    const rows = finding.batch?.rows;
    const file = join(folder, rows === undefined ? 'input.npz' : 'batch.npz');
    const data = decodeTestcase(inputs, await readOrRefuse(file), file, rows);
    const again = await reproducer.reproduce(finding.objective, {
      model,
      load,
      objectives: objectiveSpecs(config.objective),
      suspect: { signature: finding.signature, tensors: finding.violation.tensors },
      // What was not traced bears the name of what was seen.
      traces: finding.violation.details.origin !== undefined,
      block: data,
      rows: rows ?? 1,
      row: finding.batch?.row ?? 0,
      label: finding.label,
      changed: await testcaseIn(join(folder, CHANGED_FILE), inputs),
      reference: await testcaseIn(join(folder, REFERENCE_FILE), inputs),
    });
    const changed = sha256 === finding.model.sha256 ? [] : ['the model has changed since'];
    if (copySha256 !== finding.copy?.sha256) changed.push('the second model has changed since');
    const others = again.others.length > 0 ? [`breaks as ${again.others.join(', ')}`] : [];
    return {
      path: folder,
      id: finding.id,
      signature: finding.signature,
      verdict: verdictOf(again),
      reproduced: `${again.times}/${again.of}`,
      note: [...others, ...changed].join('; '),
    };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${folder} cannot be run: ${reason(error)}`);
  } finally {
    reproducer.close();
  }
}

/** A testcase that may lie beside a finding. */
async function testcaseIn(path: string, inputs: readonly InputSpec[]): Promise<Rows | undefined> {
  return (await exists(path)) ? decodeTestcase(inputs, await readOrRefuse(path), path) : undefined;
}

/** A finding that now breaks in another way is not fixed. */
function verdictOf({ times, of, others }: Reproduction): Verdict {
  if (times === of || (times === 0 && others.length > 0)) return 'still broken';
  return times === 0 ? 'fixed' : 'flaky';
}

/** Opens the campaign that a finding lies in: the nearest folder above it with a campaign.yaml. */
async function openCampaign(folder: string, finding: Finding): Promise<Campaign> {
  let above = resolve(folder);
  while (!(await exists(join(above, CAMPAIGN_FILE)))) {
    const next = dirname(above);
    if (next === above) {
      throw new UserError(`${folder} lies in no campaign: keep it below the folder of its ${CAMPAIGN_FILE}`);
    }
    above = next;
  }
  const file = join(above, CAMPAIGN_FILE);
  const config = checkSettings(await readCampaignFile(file), {}, file);
  if (config.model === undefined) throw new UserError(`${file} names no model`);
  const memory = config.memory === undefined ? memoryShare(1) : bytes(config.memory);
  const reproducer = new Reproducer({ timeout: milliseconds(config.timeout), memory });
  try {
    const load = await loadingOf(config, finding, above);
    const today = await reproducer.identify(config.model, load);
    const inputs = await recordedInputs(file);
    const names = inputs.map((input) => input.name).join();
    if (names !== today.inputs.map((input) => input.name).join()) {
      throw new UserError(`${config.model} takes other inputs than ${file} recorded (${names})`);
    }
    return {
      config,
      inputs,
      model: config.model,
      load,
      sha256: today.sha256,
      copySha256: today.copySha256,
      reproducer,
    };
  } catch (error) {
    reproducer.close();
    throw error;
  }
}

/** @param folder the campaign's */
async function loadingOf(
  config: CampaignConfig,
  { model, copy }: Finding,
  folder: string,
): Promise<LoadOptions> {
  const own = { ...loadOptions(config), runtime: model.runtime };
  const derived = config.quantize === undefined ? undefined : await copyIn(folder);
  if (config.quantize !== undefined && derived === undefined)
    throw new UserError(`${folder} has lost its folder copy, the ${config.quantize} copy of the model`);
  const beside = copyLoading(config, derived);
  return beside === undefined
    ? own
    : { ...own, copy: { ...beside, runtime: copy?.runtime ?? beside.runtime } };
}

async function recordedInputs(file: string): Promise<InputSpec[]> {
  const { resolved } = parse(await readFile(file, 'utf8')) as {
    readonly resolved?: {
      readonly inputs?: readonly { name: string; type: string; shape: (number | null)[] }[];
    };
  };
  const inputs = resolved?.inputs;
  if (!Array.isArray(inputs))
    throw new UserError(`${file} does not record the model's inputs: it was not written by neurofuzz fuzz`);
  return inputs.map(({ name, type, shape }) => {
    if (!isDType(type)) throw new UserError(`${file}: input ${name} has the unknown type ${type}`);
    return { name, type, shape };
  });
}
