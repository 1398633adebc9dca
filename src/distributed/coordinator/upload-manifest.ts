import type { ExecutorParts } from '../../campaign/run-campaign.ts';
import type { LoadOptions } from '../../model/model.ts';
import type { WorkerSetup } from '../../workers/services/fuzz-service.ts';
import type { TravellingPlugin } from '../protocol/messages.ts';
import { Departing } from '../transfer/file-transfer.ts';
import { packagedPlugin } from '../transfer/packaged-plugins.ts';
import { carriedFor } from './file-dependencies.ts';

/** What a campaign brings along beside its models. */
export interface Luggage {
  readonly files: readonly { readonly path: string; readonly departing: Departing }[];
  readonly plugins: readonly TravellingPlugin[];
}

/** All that a campaign brings along. */
export interface Departure extends Luggage {
  readonly model: Departing;
  readonly copy: Departing | undefined;
}

/** @throws UserError where a file can't be read, or a plug-in lies in no package */
export async function luggageFor(setup: WorkerSetup, load: LoadOptions): Promise<Luggage> {
  const { modules, files } = carriedFor(setup, load);
  return {
    plugins: await Promise.all(modules.map(packagedPlugin)),
    files: await Promise.all(
      files.map(async ({ path, beside }) => ({ path, departing: await Departing.file(path, beside) })),
    ),
  };
}

/** @throws UserError as `luggageFor`, and where a model's file is missing or lies outside its folder */
export async function departureFor({
  setup,
  loading,
  model,
}: Pick<ExecutorParts, 'setup' | 'loading' | 'model'>): Promise<Departure> {
  return {
    ...(await luggageFor(setup, loading.options)),
    model: await Departing.model(loading.path),
    copy: model.copy === undefined ? undefined : await Departing.model(model.copy.path),
  };
}
