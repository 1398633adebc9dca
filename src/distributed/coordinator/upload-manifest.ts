import type { ExecutorContext } from '../../campaign/executor-factory.ts';
import type { LoadOptions } from '../../model/model.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';
import type { PluginManifest } from '../protocol/messages.ts';
import { UploadBundle } from '../transfer/file-transfer.ts';
import { describePlugin } from '../transfer/packaged-plugins.ts';
import { workerFileDependencies } from './file-dependencies.ts';

/** Files and plug-ins that a campaign needs beside its models. */
export interface CampaignFiles {
  readonly files: readonly { readonly path: string; readonly bundle: UploadBundle }[];
  readonly plugins: readonly PluginManifest[];
}

/** All files and plug-ins that a campaign needs. */
export interface CampaignUpload extends CampaignFiles {
  readonly model: UploadBundle;
  readonly secondModel: UploadBundle | undefined;
}

/**
 * Reads the files that a campaign needs beside its models, and identifies its plug-ins.
 *
 * @throws UserError if a file can't be read, or a plug-in is not part of a package
 */
export async function collectCampaignFiles(
  setup: WorkerSetup,
  loadOptions: LoadOptions,
): Promise<CampaignFiles> {
  const { modules, files } = workerFileDependencies(setup, loadOptions);
  return {
    plugins: await Promise.all(modules.map(describePlugin)),
    files: await Promise.all(
      files.map(async ({ path, companions }) => ({
        path,
        bundle: await UploadBundle.ofFile(path, companions),
      })),
    ),
  };
}

/**
 * Reads all files that a campaign needs, models included.
 *
 * @throws UserError as `collectCampaignFiles` does, and if a model's file is missing or lies outside its folder
 */
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
