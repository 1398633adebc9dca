import { SeedSpan, severityOf } from '../../campaign/findings/severity.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { Finding, Severity } from '../../storage/finding.ts';
import { loadTestcase, readJournal, testcasePath } from '../../storage/journal.ts';
import { recordedImageFormats } from '../image-formats.ts';
import type { OpenCampaign, rerunRequest } from '../open-campaign.ts';
import { type FreeValues, findFreeValues } from './free-values.ts';
import type { TestOracle, TryBudget } from './test-oracle.ts';

/** Most runs in which values of one variant are drawn at random. */
const MAX_DRAWN_RUNS = 8_192;

/** Seeds that are kept to draw values from. */
const MAX_KEPT_SEEDS = 256;

/** The seeds of a campaign, as far as its minimized findings are compared with them. */
export interface CampaignSeeds {
  readonly span: SeedSpan;
  /** The first of them. */
  readonly first: readonly TestcaseData[];
}

/** Reads the seeds of campaigns, of each once in a row. */
export class SeedReader {
  #folder: string | undefined;
  #seeds: CampaignSeeds = { span: new SeedSpan(), first: [] };

  /** The seeds in a campaign's corpus; those that are missing or damaged are left out. */
  async seedsOf({ folder, inputs }: Pick<OpenCampaign, 'folder' | 'inputs'>): Promise<CampaignSeeds> {
    if (folder === this.#folder) return this.#seeds;
    const span = new SeedSpan();
    const first: TestcaseData[] = [];
    const { lines } = await readJournal(folder, Number.POSITIVE_INFINITY, []);
    for (const { record } of lines) {
      if (record.parent !== null) continue;
      const loaded = await loadTestcase(testcasePath(folder, record.id), inputs, record.id);
      if (typeof loaded === 'string') continue;
      span.add(loaded.data);
      if (first.length < MAX_KEPT_SEEDS) first.push(loaded.data);
    }
    this.#folder = folder;
    this.#seeds = { span, first };
    return this.#seeds;
  }
}

/** What is recorded of a minimized variant beside its violation. */
export interface VariantAssessment {
  readonly severity: Severity | undefined;
  readonly freeValues: FreeValues | undefined;
}

interface Variant {
  readonly testcase: TestcaseData;
  /** Undefined where the seed has other shapes. */
  readonly seed: TestcaseData | undefined;
  readonly request: ReturnType<typeof rerunRequest>;
  readonly oracle: TestOracle<TestcaseData>;
  readonly budget: TryBudget;
  /** Share of the budget that may be spent on this variant. */
  readonly share: number;
}

/** Measures how realistic a minimized variant is, where that was measured of the original, and which of its values matter. */
export async function assessVariant(
  { rerunClient, config, inputs }: OpenCampaign,
  { severity, seed: masterSeed, signature }: Finding,
  { span, first }: CampaignSeeds,
  { testcase, seed, request, oracle, budget, share }: Variant,
): Promise<VariantAssessment> {
  const runVariant = (variant: TestcaseData) =>
    rerunClient.runVariant({ ...request, batch: variant, rows: 1, row: 0 });
  const part = budget.split(Math.min(share, MAX_DRAWN_RUNS / Math.max(1, budget.remaining)));
  const freeValues = await findFreeValues({
    config,
    inputs,
    testcase,
    seed,
    seeds: first,
    oracle,
    budget: part,
    key: ['free values', masterSeed, signature],
  });
  budget.merge(part);
  return {
    severity:
      severity === undefined
        ? undefined
        : await severityOf(testcase, span, recordedImageFormats(inputs, config), runVariant),
    freeValues,
  };
}
