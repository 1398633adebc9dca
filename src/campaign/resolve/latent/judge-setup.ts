import { resolve } from 'node:path';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import type { ObjectiveDescriptor } from '../../../workers/objective-descriptor.ts';
import type { WorkerSetup } from '../../../workers/worker-setup.ts';

/** The judges of the settings; undefined without any. @throws UserError where no objective needs labels */
export function judgeSetup(
  { judge, sure }: Pick<CampaignConfig, 'judge' | 'sure'>,
  objectives: readonly Pick<ObjectiveDescriptor, 'labelled'>[],
): WorkerSetup['judges'] {
  if (judge === undefined) return undefined;
  if (!objectives.some(({ labelled }) => labelled === true))
    throw new UserError(
      '--judge is for wrong classes, and no objective finds any: add --objective misclassified and --labels',
    );
  return { models: [judge].flat().map((given) => ({ path: resolve(given), given })), sure };
}
