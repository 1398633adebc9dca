import type { WeightComparison } from '../../analysis/spectral/compare-spectra.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig, SecondModelConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { ModelInfo } from '../../model/model.ts';
import { modelPath, secondModelOptions } from '../../storage/load-options.ts';
import { withModelSession } from '../../workers/model-session.ts';
import { testcaseFor, weightProgress } from './spectral.ts';

/** Version of the object that `compare --spectral --json` prints. */
const WEIGHT_COMPARISON_VERSION = 1;

/** Result of `compare --spectral`. */
export interface WeightComparisonReport extends WeightComparison {
  readonly formatVersion: number;
  readonly reference: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly copy: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
}

/**
 * Compares the weights of two models.
 *
 * @throws UserError where a model can't be loaded, or no weight of one belongs to one of the other
 */
export function compareWeights(
  config: ModelConfig & InputConfig & SecondModelConfig,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<WeightComparisonReport> {
  const second = secondModelOptions(config);
  if (second === undefined) throw new Error('there is no second model');
  return withModelSession({ ...config, model: modelPath(config).absolute }, async (session) => {
    const { format, sha256 } = session.info;
    const copy = await session.loadSecondModel(second);
    const { testcase } = await testcaseFor(session, config, notices);
    const found = await session.compareSpectra(testcase, weightProgress(onProgress));
    const [path, copyPath] = [modelPath(config).asGiven, config.against ?? ''];
    if (found.weights.length === 0)
      throw new UserError(
        `--spectral: no weight of ${path} belongs to one of ${copyPath}: compare a model with a copy of it`,
      );
    return {
      formatVersion: WEIGHT_COMPARISON_VERSION,
      reference: { path, format, sha256 },
      copy: { path: copyPath, format: copy.format, sha256: copy.sha256 },
      ...found,
    };
  });
}
