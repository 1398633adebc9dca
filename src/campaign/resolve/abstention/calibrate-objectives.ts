import { thresholdOf } from '../../../attacks/contest-scores.ts';
import type { CampaignConfig } from '../../../config/schema.ts';
import { UserError } from '../../../core/errors.ts';
import { formatNumber, plural } from '../../../core/format-number.ts';
import type { TestcaseData } from '../../../inputs/testcase.ts';
import { NO_ANSWER } from '../../../objectives/class-answer.ts';
import {
  AnswerReader,
  calibratedSpec,
  isCalibrated,
  type UncalibratedSpec,
  uncalibrated,
} from '../../../objectives/confident-error.ts';
import { objectiveSpecs } from '../../../objectives/registry.ts';
import { modelPath } from '../../../storage/load-options.ts';
import { type ModelSession, withModelSession } from '../../../workers/model-session.ts';
import { resolveInputs } from '../inputs.ts';
import type { Notices } from '../model-settings.ts';
import { chooseAnswerRule } from './answer-rule.ts';

/** Fewest seeds that a share can be taken of. */
const MIN_CALIBRATION_SEEDS = 10;

/**
 * The settings with the thresholds that `confident-error:coverage=` asks for, taken from the clean seeds. A campaign that is
 * resumed keeps those that it recorded.
 *
 * @param recorded objectives of the campaign that is resumed
 * @throws UserError where there are no labels, too few seeds that have some, or their scores are not finite
 */
export async function withCalibratedObjectives(
  config: CampaignConfig,
  recorded: readonly string[],
  notices: Notices,
): Promise<CampaignConfig> {
  const specs = objectiveSpecs(config.objective).map((spec) => {
    const asked = uncalibrated(spec);
    return { spec, asked, known: asked && recorded.find((other) => isCalibrated(other, asked)) };
  });
  if (specs.every(({ asked }) => asked === undefined)) return config;
  if (config.labels === undefined)
    throw new UserError('--objective: confident-error:coverage needs the class of each seed: set --labels');
  const missing = specs.some(({ asked, known }) => asked !== undefined && known === undefined);
  const calibrated = missing ? await calibrateAll(config, specs, notices) : specs;
  return { ...config, objective: calibrated.map(({ spec, known }) => known ?? spec) };
}

interface AskedSpec {
  readonly spec: string;
  readonly asked: UncalibratedSpec | undefined;
  /** The spec after it was calibrated. */
  readonly known: string | undefined;
}

function calibrateAll(
  config: CampaignConfig,
  specs: readonly AskedSpec[],
  notices: Notices,
): Promise<readonly AskedSpec[]> {
  const silent: Notices = { info: () => {}, warn: () => {} };
  return withModelSession({ ...config, model: modelPath(config).absolute }, async (session) => {
    const { seeds, labels } = await resolveInputs(session.info, config, config.seed ?? '', silent);
    const labelled = seeds.filter((seed) => (labels?.get(seed) ?? -1) >= 0);
    if (labelled.length < MIN_CALIBRATION_SEEDS)
      throw new UserError(
        `--objective: confident-error:coverage needs ${MIN_CALIBRATION_SEEDS} labelled seeds or more, and there ${labelled.length === 1 ? 'is' : 'are'} ${labelled.length}: set threshold= instead, or more --seeds`,
      );
    const seesInner = config.threatModel?.knows.model !== 'outputs';
    const calibrated: AskedSpec[] = [];
    for (const { spec, asked, known } of specs)
      calibrated.push({
        spec,
        asked,
        known: known ?? (asked && (await calibrate(session, asked, labelled, seesInner, notices))),
      });
    return calibrated;
  });
}

async function calibrate(
  session: ModelSession,
  asked: UncalibratedSpec,
  seeds: readonly TestcaseData[],
  seesInner: boolean,
  notices: Notices,
): Promise<string> {
  const { coverage, confidence } = asked;
  const { rule: chosen } = await chooseAnswerRule(session, seeds, confidence, seesInner);
  const rule = { ...chosen, logits: asked.logits ?? chosen.logits };
  const isInner = rule.logits !== undefined && !session.info.outputs.includes(rule.logits);
  const reader = new AnswerReader(rule);
  const runs = await session.run(seeds, isInner && rule.logits !== undefined ? [rule.logits] : []);
  // The confidence does not depend on the label.
  const answers = runs.flatMap((run) =>
    Array.from({ length: run.rows }, (_, row) => reader.read(run, row, 0) ?? NO_ANSWER),
  );
  const threshold = thresholdOf(answers, coverage);
  if (!Number.isFinite(threshold))
    throw new UserError(
      '--objective: confident-error:coverage finds no threshold, because scores of the seeds are not finite: set threshold= instead',
    );
  notices.info(
    `confident-error: answers from ${confidence} ${formatNumber(threshold, 4)} on, by which ${formatNumber(100 * coverage, 3)} % of ${plural(seeds.length, 'seed')} are answered`,
  );
  return calibratedSpec(asked, { ...rule, threshold });
}
