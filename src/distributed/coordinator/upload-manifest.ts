import type { ExecutorContext } from '../../campaign/run-campaign.ts';
import type { LoadOptions } from '../../model/model.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import type { PluginManifest } from '../protocol/messages.ts';
import { UploadBundle } from '../transfer/file-transfer.ts';
import { describePlugin } from '../transfer/packaged-plugins.ts';
import { workerFileDependencies } from './file-dependencies.ts';

/** What a campaign brings along beside its models. */
export interface CampaignFiles {
  readonly files: readonly { readonly path: string; readonly departing: UploadBundle }[];
  readonly plugins: readonly PluginManifest[];
}

/** All that a campaign brings along. */
export interface CampaignUpload extends CampaignFiles {
  readonly model: UploadBundle;
  readonly secondModel: UploadBundle | undefined;
}

/** @throws UserError where a file can't be read, or a plug-in lies in no package */
export async function collectCampaignFiles(setup: WorkerSetup, load: LoadOptions): Promise<CampaignFiles> {
  const { modules, files } = workerFileDependencies(setup, load);
  return {
    plugins: await Promise.all(modules.map(describePlugin)),
    files: await Promise.all(
      files.map(async ({ path, beside }) => ({ path, departing: await UploadBundle.ofFile(path, beside) })),
    ),
  };
}

/** @throws UserError as `luggageFor`, and where a model's file is missing or lies outside its folder */
export async function prepareUpload({
  setup,
  loading,
  model,
}: Pick<ExecutorContext, 'setup' | 'loading' | 'model'>): Promise<CampaignUpload> {
  return {
    ...(await collectCampaignFiles(setup, loading.options)),
    model: await UploadBundle.ofModel(loading.path),
    secondModel:
      model.secondModel === undefined ? undefined : await UploadBundle.ofModel(model.secondModel.path),
  };
}
