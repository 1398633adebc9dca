import type { CampaignConfig } from '../../config/schema.ts';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { objectiveTensors } from '../../evaluation/watched-tensors.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { ModelInfo } from '../../model/model.ts';
import type { ObjectiveDescriptor } from '../../workers/objective-descriptor.ts';
import type { ProbeWorker } from '../../workers/probe-worker.ts';

/** Whether mutants stay within a small distance of their seeds, so that they show the same class. */
export function isBallConstrained({ linf, l2, l0 }: Pick<CampaignConfig, 'linf' | 'l2' | 'l0'>): boolean {
  return linf !== undefined || l2 !== undefined || l0 !== undefined;
}

/**
 * Checks that labels are given where an objective needs them, and only there.
 *
 * @param searches whether seeds are mutated, so that a constraint must keep their classes
 * @throws UserError naming what to add
 */
export function checkLabels(
  config: Pick<
    CampaignConfig,
    | 'labels'
    | 'linf'
    | 'l2'
    | 'l0'
    | 'deephunter'
    | 'edits'
    | 'valid'
    | 'threatModel'
    | 'decoder'
    | 'judge'
    | 'generator'
  >,
  objectives: readonly Pick<ObjectiveDescriptor, 'name' | 'labelled'>[],
  searches = true,
): void {
  const { labels, generator } = config;
  const needing = objectives.find(({ labelled }) => labelled === true);
  if (needing === undefined) {
    // Under a threat model, labels also say which seeds are attacked.
    if (labels === undefined || config.threatModel !== undefined) return;
    throw new UserError('--labels is given but no objective uses it: add --objective misclassified');
  }
  // The class that a generator was fed is that of its sample.
  if (labels === undefined && generator === undefined)
    throw new UserError(
      `--objective: ${needing.name} needs the class of each seed: set --labels labels.npy or --labels folders`,
    );
  if (searches && !keepsClasses(config))
    throw new UserError(
      `--objective: ${needing.name} needs a constraint within which a seed keeps its class: --linf, --l2, --l0, --deephunter, --edits or --valid`,
    );
}

/** Whether a constraint, or a threat model that says what stays, keeps the classes of seeds. */
function keepsClasses({
  deephunter,
  edits,
  valid,
  threatModel,
  decoder,
  judge,
  generator,
  ...norms
}: Pick<
  CampaignConfig,
  'linf' | 'l2' | 'l0' | 'deephunter' | 'edits' | 'valid' | 'threatModel' | 'decoder' | 'judge' | 'generator'
>): boolean {
  return (
    // Whoever names a threat model has said how far an input may be changed.
    threatModel !== undefined ||
    // A move in latent space is limited by latent:most=, and judges tell whether it kept the class.
    decoder !== undefined ||
    judge !== undefined ||
    generator !== undefined ||
    isBallConstrained(norms) ||
    [deephunter, edits, valid].some((limit) => limit !== undefined)
  );
}

/**
 * Checks that the model has the tensors that objectives read, with one row for each testcase.
 *
 * @param watched tensors that coverage observes
 * @throws UserError naming the tensor
 */
export async function checkObjectiveTensors(
  model: ModelInfo,
  objectives: readonly ObjectiveDescriptor[],
  watched: readonly string[],
  seed: TestcaseData,
  probeWorker: Pick<ProbeWorker, 'probe'>,
): Promise<void> {
  const known = new Set([...model.inputs.map(({ name }) => name), ...model.watchable]);
  for (const { name, tensors = [] } of objectives) {
    const unknown = tensors.find((tensor) => !known.has(tensor));
    if (unknown !== undefined)
      throw new UserError(
        `--objective: ${name}: the model has no input and no tensor ${unknown}: ${suggestName(unknown, [...known], 'neurofuzz inspect')}`,
      );
  }
  const needed = objectiveTensors(objectives, model).filter((tensor) => !watched.includes(tensor));
  if (needed.length === 0) return;
  const { unbatchedTensors } = await probeWorker.probe(seed, [...watched, ...needed]);
  const unbatched = unbatchedTensors.find((tensor) => needed.includes(tensor));
  if (unbatched !== undefined)
    throw new UserError(
      `--objective: tensor ${unbatched} does not have one row per testcase: choose another one`,
    );
}
