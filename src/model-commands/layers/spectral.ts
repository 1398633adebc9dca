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
import { modelPath } from '../../storage/load-options.ts';
import { type ModelSession, withModelSession } from '../../workers/model-session.ts';
import type { MeasuredSpectra } from '../../workers/services/model-service.ts';
import { type ModelSeeds, readSeeds } from '../read-seeds.ts';

/** Version of the object that `inspect --spectral --json` prints. */
const SPECTRAL_VERSION = 1;

/** Most seeds that pairs are made of, and pairs. */
const MAX_SEEDS = 64;
const PAIRS = 1024;

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

/**
 * Measures what the weights of a model do to lengths.
 *
 * @param expected the largest singular value that every weight should have; undefined for no check
 * @throws UserError where the model can't be loaded, or a value is expected and it has no weights that can be read
 */
export function inspectSpectra(
  config: ModelConfig & InputConfig,
  expected: number | undefined,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<SpectralReport> {
  return withModelSession(config, async (session) => {
    const { path, format, sha256, runtime } = session.info;
    const { request, notes } = await testcasesFor(session, config, notices);
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
  notices: Notices,
): Promise<Testcases> {
  const { testcase, note, seeds } = await testcaseFor(session, config, notices);
  if (testcase === undefined || seeds === undefined)
    return { request: { testcase, pairs: undefined }, notes: note === undefined ? [] : [note] };
  const alike = seeds.seeds.slice(0, MAX_SEEDS).filter(({ form }) => form.key === testcase.form.key);
  const pairs = { testcases: alike.map(plain), spans: seeds.descriptors.map(movingSpan), pairs: PAIRS };
  return { request: { testcase, pairs }, notes: [] };
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
