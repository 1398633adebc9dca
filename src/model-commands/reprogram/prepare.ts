import { attackedPosition } from '../../attacks/attack.ts';
import { chooseAnswerRule } from '../../campaign/resolve/abstention/answer-rule.ts';
import { resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import { randomStream, shuffle } from '../../core/random.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { AnswerRule } from '../../objectives/confident-error.ts';
import type { Placement } from '../../reprogram/program.ts';
import type { ProgramMethod, TrainedProgram } from '../../reprogram/train-program.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { hidesWeights } from '../contest-threat.ts';
import { type Place, placementOf } from './placement.ts';

/** Fewest inputs that a program is trained or tested on. */
const MIN_INPUTS = 8;

/** What `reprogram` is asked for beside model and inputs. */
export interface ReprogramOptions {
  /** Classes that all inputs shall get, one after the other; all by default. */
  readonly to: readonly number[] | undefined;
  readonly place: Place;
  /** Along gradients if there are any by default. */
  readonly method: ProgramMethod | undefined;
  readonly steps: number;
  readonly queries: number;
  /** Whether random programs and an untrained copy are tried as well. */
  readonly hasControl: boolean;
  /** Share of the seeds that the program is trained on. */
  readonly train: number;
  /** The first so many seeds; all by default. */
  readonly inputs: number | undefined;
  /** Success up to which nothing is a finding. */
  readonly allow: number;
  readonly overwrite: boolean;
}

/** Inputs, and where a program may write. */
export interface PreparedProgram {
  readonly train: readonly TestcaseData[];
  readonly test: readonly TestcaseData[];
  /** Classes of the test inputs. */
  readonly testLabels: readonly number[];
  readonly descriptor: InputDescriptor;
  readonly position: number;
  readonly placement: Placement;
  readonly rule: AnswerRule;
  readonly classes: number;
}

/** A program with the logits that test inputs get with it. */
export interface TestedProgram {
  readonly to: number;
  readonly trained: TrainedProgram;
  readonly logits: readonly Float64Array[];
}

/**
 * Splits the seeds into those that a program is trained on and those that test it, and finds out where it may write.
 *
 * @throws UserError where there are too few, a class is unknown, or the place has nothing to write on
 */
export async function prepare(
  session: ModelSession,
  config: CampaignConfig & { readonly seed: string },
  options: ReprogramOptions,
  notices: Notices,
): Promise<PreparedProgram> {
  const { seeds, labels, descriptors } = await resolveInputs(session.info, config, config.seed, notices);
  const labelled = seeds
    .map((data) => ({ data, label: labels?.get(data) ?? -1 }))
    .filter(({ label }) => label >= 0)
    .slice(0, options.inputs);
  const order = shuffle([...labelled.keys()], randomStream(config.seed, 'reprogram', 'split'));
  const trainCount = Math.round(options.train * labelled.length);
  const [train, test] = [order.slice(0, trainCount), order.slice(trainCount)].map((part) =>
    part.sort((a, b) => a - b).map((i) => labelled[i]),
  );
  if (Math.min(train.length, test.length) < MIN_INPUTS)
    throw new UserError(
      `a program needs ${MIN_INPUTS} labelled inputs or more to train on and as many to test it, and there are ${train.length} and ${test.length}: set --seeds, --labels and --train`,
    );
  const position = attackedPosition(descriptors);
  const descriptor = descriptors[position];
  const forms = new Set(labelled.map(({ data }) => data.form.key));
  if (forms.size > 1)
    throw new UserError('one change suits inputs of one size alone: give seeds of the same shape');
  const { rule, classes } = await chooseAnswerRule(
    session,
    labelled.slice(0, MIN_INPUTS).map(({ data }) => data),
    'max-logit',
    !hidesWeights(config),
  );
  const beyond = [...(options.to ?? []), ...labelled.map(({ label }) => label)].find((k) => k >= classes);
  if (beyond !== undefined)
    throw new UserError(
      `there is no class ${beyond}: the model knows ${plural(classes, 'class', 'classes')}, from 0`,
    );
  return {
    train: train.map(({ data }) => data),
    test: test.map(({ data }) => data),
    testLabels: test.map(({ label }) => label),
    descriptor,
    position,
    placement: placementOf(options.place, config, descriptor, labelled[0].data.form.inputs[position].shape),
    rule,
    classes,
  };
}
