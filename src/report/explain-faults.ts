import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { errorMessage, MachineError, UserError } from '../core/errors.ts';
import { encodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { explain, type InputRow } from '../model-commands/explain.ts';
import { type CheckReport, checkSaliency } from '../model-commands/saliency-check.ts';
import { geometryOfInput } from '../saliency/explain.ts';
import { saliencyMethod } from '../saliency/methods/registry.ts';
import { areColumns, emphases, strongestPlaces } from '../saliency/places.ts';
import { mapTile, type Tile, tilePng } from '../saliency/sheet.ts';
import type { ManifestInput } from '../storage/manifest-reader.ts';
import type { ExplanationsView, PictureView, PlacesView } from './view-model.ts';

/** Seeds of the campaign that methods are checked on, and random draws. */
const CHECKED_SEEDS = 10;
const REPEATS = 2;

/** Similarity to maps of a model whose layers near the output are random that is accepted. */
const MOST = 0.5;

type Drawn = Pick<ExplanationsView, 'pictures' | 'places'>;

const NOTHING: Drawn = { pictures: [], places: [] };

/** The testcases of a fault that are explained. */
export interface ExplainedTestcases {
  readonly seed: TestcaseData | undefined;
  readonly finding: TestcaseData;
}

/** Columns and tokens that are shown with a bar, the strongest ones. */
const MAX_BARS = 10;

/** Why a report shows no map. */
export function notExplained(why: string): string {
  return `Where the model looked is not shown: ${why}`;
}

const SILENT = { info: (): void => {}, warn: (): void => {} };

/** Draws where the model looked, for the faults of one campaign, by methods that were checked on its model. */
export class FaultExplainer {
  readonly #config: CampaignConfig;
  readonly #seeds: readonly TestcaseData[];
  readonly #gaps: string[];
  #check: Promise<CheckReport> | undefined;
  #hasFailed = false;

  /**
   * @param config of the campaign, with the path and the range that it recorded
   * @param seeds of the campaign
   * @param gaps receives why nothing is drawn
   */
  constructor(config: CampaignConfig, seeds: readonly TestcaseData[], gaps: string[]) {
    this.#config = config;
    const [first] = seeds;
    this.#seeds = seeds.filter(({ form }) => form.key === first?.form.key).slice(0, CHECKED_SEEDS);
    this.#gaps = gaps;
  }

  /** Maps of the seed and the finding by each method that passed; undefined where none can be drawn. */
  async explain(testcases: ExplainedTestcases): Promise<ExplanationsView | undefined> {
    if (this.#hasFailed) return undefined;
    if (this.#seeds.length === 0) return this.#fail('no seed of the campaign can be read');
    try {
      this.#check ??= this.#checkMethods();
      const { methods } = await this.#check;
      const judged = methods.filter(({ isControl }) => !isControl);
      const passed = judged
        .filter(({ verdict }) => verdict === 'depends on the model')
        .map(({ name }) => name);
      const failed = judged.filter(({ name }) => !passed.includes(name));
      const isRead = ({ name }: (typeof judged)[number]): boolean => saliencyMethod(name).isReading === true;
      const read = failed.filter(isRead);
      const shown = [...passed, ...read.map(({ name }) => name)];
      const drawn = shown.length === 0 ? NOTHING : await this.#draw(testcases, shown);
      const withFigure = ({ name, judged: figures }: (typeof judged)[number]): string =>
        `${name} (${figures === null ? 'no map' : figures.mean.toFixed(2)})`;
      return {
        ...drawn,
        leftOut: failed.filter((method) => !isRead(method)).map(withFigure),
        ...(read.length === 0 ? {} : { readings: read.map(withFigure) }),
      };
    } catch (error) {
      if (!(error instanceof UserError || error instanceof MachineError)) throw error;
      return this.#fail(errorMessage(error));
    }
  }

  #fail(why: string): undefined {
    this.#hasFailed = true;
    this.#gaps.push(notExplained(why));
    return undefined;
  }

  #checkMethods(): Promise<CheckReport> {
    return this.#withSeeds(this.#seeds, async (config) => {
      const { report } = await checkSaliency(
        config,
        {
          methods: undefined,
          classIndex: undefined,
          inputs: CHECKED_SEEDS,
          baseline: undefined,
          order: 'cascade',
          randomise: 'permute',
          repeats: REPEATS,
          layers: undefined,
          against: undefined,
          metric: 'signed',
          most: MOST,
        },
        SILENT,
      );
      return report;
    });
  }

  #draw({ seed, finding }: ExplainedTestcases, methods: readonly string[]): Promise<Drawn> {
    const isAlike = seed !== undefined && seed.form.key === finding.form.key;
    const shown = [...(isAlike ? [{ of: 'seed', data: seed }] : []), { of: 'finding', data: finding }];
    const inputs = shown.length;
    return this.#withSeeds(
      shown.map(({ data }) => data),
      async (config) => {
        const { report, prepared, explanations } = await explain(
          config,
          { methods, classIndex: undefined, inputs, baseline: undefined },
          SILENT,
        );
        const pictures: PictureView[] = [];
        const places: PlacesView[] = [];
        for (const name of methods)
          for (const { of, data } of shown) {
            // Inputs that the settings leave out are not explained.
            const i = prepared.inputs.findIndex((input) => testcaseId(input.data) === testcaseId(data));
            const explanation = explanations.get(name)?.[i];
            if (explanation === undefined || !('map' in explanation)) continue;
            const { picture } = geometryOfInput(prepared.context, data);
            const label = `${name}, ${of}: class ${prepared.inputs[i].classIndex}`;
            if (picture === undefined) places.push(placesOf(label, name, report.inputs[i]));
            else pictures.push(await pictureOf(label, mapTile(explanation.map.signed, picture)));
          }
        return { pictures, places };
      },
    );
  }

  /** Calls with settings that name a file of these testcases, which is removed afterwards. */
  async #withSeeds<T>(
    testcases: readonly TestcaseData[],
    use: (config: CampaignConfig) => Promise<T>,
  ): Promise<T> {
    const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-explain-'));
    try {
      const path = join(folder, 'testcases.npz');
      await writeFile(path, encodeTestcase(packBatch(testcases), testcases.length));
      return await use({ ...this.#config, seeds: [path] });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/**
 * The settings of a campaign that say how its model and inputs are read.
 *
 * @param inputs as the campaign recorded them: their ranges are taken, since those of few testcases are narrower
 */
export function explainedConfig(
  config: CampaignConfig,
  inputs: readonly Pick<ManifestInput, 'name' | 'range'>[],
  model: string,
  seed: string,
): CampaignConfig {
  const isForAll = Array.isArray(config.range);
  // The scale of pictures that are preprocessed follows from their settings; an input that is kept may have one value.
  const recorded = inputs
    .filter(({ name, range: [low, high] }) => low < high && config.preprocess?.[name] === undefined)
    .map(({ name, range: [low, high] }): [string, [number, number]] => [name, [low, high]]);
  const range = isForAll ? config.range : { ...Object.fromEntries(recorded), ...config.range };
  const limits = { linf: undefined, l2: undefined, l0: undefined, edits: undefined, valid: undefined };
  const search = { threatModel: undefined, mutator: undefined, fixed: undefined, deephunter: undefined };
  const sources = { labels: undefined, corpus: undefined, coverageReference: undefined };
  return { ...config, ...limits, ...search, ...sources, range, model, seed, jobs: 1 };
}

/** The map of an input that is a table or tokens. */
function placesOf(label: string, method: string, { places, methods }: InputRow): PlacesView {
  const names = places ?? [];
  const values = methods.find(({ name }) => name === method)?.values ?? [];
  const ofToken = emphases(values);
  const isTable = areColumns(names);
  return {
    label,
    tokens: isTable ? [] : names.map((text, place) => ({ text, emphasis: ofToken[place] })),
    strongest: strongestPlaces(values, MAX_BARS).map((place) => ({
      name: isTable ? `column ${place}` : names[place],
      value: values[place],
    })),
  };
}

async function pictureOf(label: string, tile: NonNullable<Tile>): Promise<PictureView> {
  const png = await tilePng(tile);
  const source = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
  return { label, source, width: tile.width, height: tile.height };
}
