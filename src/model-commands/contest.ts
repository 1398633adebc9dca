import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type AttackedInput,
  type AttackOutcome,
  attackedPosition,
  type Combination,
  isWorse,
} from '../attacks/attack.ts';
import { type AttackScores, accuracyCurve, attackScores, thresholdOf } from '../attacks/contest-scores.ts';
import { ATTACKS, defaultAttacks } from '../attacks/registry.ts';
import { withRivals } from '../attacks/rivals.ts';
import { chooseAnswerRule } from '../campaign/resolve/abstention/answer-rule.ts';
import { resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { ThreatAudit } from '../campaign/threat-model/audit-findings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { formatCount, formatNumber, plural } from '../core/format-number.ts';
import { modelName } from '../core/model-name.ts';
import type { OnProgress } from '../core/progress.ts';
import { GRADIENT_QUERIES } from '../fuzzer/seeds/query-budget.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { ModelInfo } from '../model/model.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import { checkFolder } from '../storage/check-folder.ts';
import { modelPath } from '../storage/load-options.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { availableCores } from '../workers/resource-limits.ts';
import { type AttackResult, attackAll, type NamedAttack, namedAttacks } from './contest-attacks.ts';
import { recordMistakes } from './contest-findings.ts';
import { type ConfidentMistake, firstMistakes } from './contest-mistakes.ts';
import { affordableAttacks, checkThreatModel, hidesWeights, threatLimits } from './contest-threat.ts';
import { SavedOutcomes } from './saved-outcomes.ts';
import { withSessions } from './with-sessions.ts';

/** Version of the object that `contest --json` prints. */
const CONTEST_VERSION = 1;

/** Fewest inputs that a share can be taken of. */
const MIN_INPUTS = 10;

/** Share of equal confidences from which they can't order the inputs. */
const MAX_TIED_SHARE = 0.01;

/** What `contest` is asked for beside model and inputs. */
export interface ContestOptions {
  /** Specs of the attacks; all that suit the input by default. */
  readonly attacks: readonly string[] | undefined;
  /** Share of the inputs that is answered. */
  readonly coverage: number;
  /** A measure of confidence, or the name of an output that is the confidence. */
  readonly confidence: string;
  /** Confidence from which the model answers; by default that by which the share of the clean inputs is answered. */
  readonly threshold: number | undefined;
  /** A change of the inputs before they are attacked, by the attacks that allow it. */
  readonly combine: Combination | undefined;
  /** Queries of an attack for one input. */
  readonly queries: number;
  /** The first so many seeds; all by default. */
  readonly inputs: number | undefined;
  /** Whether a campaign that is in the folder is renamed. */
  readonly overwrite: boolean;
}

/** Scores of one attack. */
export interface AttackRow extends AttackScores {
  readonly attack: string;
  /** Queries for an input, up to the first confident mistake: the median. */
  readonly queriesMedian: number;
  /** Accuracy at each coverage from 0.01 to 1. */
  readonly curve: ReturnType<typeof accuracyCurve>;
}

/** Result of `contest`. */
export interface ContestReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly seed: string;
  readonly inputs: number;
  readonly coverage: number;
  readonly confidence: string;
  readonly combine: Combination | null;
  /** The tensor of logits; null where logarithms of softmax shares are compared. */
  readonly logits: string | null;
  readonly threshold: number;
  /** Where the threshold comes from. */
  readonly isCalibrated: boolean;
  readonly attacks: readonly AttackRow[];
  /** The worst input over all attacks, for each seed. */
  readonly worst: AttackRow;
  /** The campaign's folder, and the findings in it: of inputs that no attack changed one alone, by `clean`. */
  readonly campaign: string;
  readonly findings: number;
  /** Findings that were checked against the threat model; absent without one. */
  readonly threatModel?: ThreatAudit;
}

/** What `contest` found. */
export interface ContestResult {
  readonly report: ContestReport;
  /** The first confident mistakes. */
  readonly mistakes: readonly ConfidentMistake[];
}

/**
 * Attacks a classifier that may abstain, and looks where it is wrong and sure (Brown et al. 2018).
 *
 * @throws UserError where there are no labels, too few inputs, an attack that does not suit them, or no class output
 */
export async function runContest(
  config: CampaignConfig,
  options: ContestOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<ContestResult> {
  if (config.seeds === undefined) throw new UserError('there are no inputs to attack: set --seeds');
  if (config.labels === undefined)
    throw new UserError('without --labels nobody knows which answers are wrong: set --labels');
  checkThreatModel(config, options.attacks);
  const folder = config.out ?? join('neurofuzz-out', `${modelName(modelPath(config).asGiven)}-contest`);
  await checkFolder(folder, options.overwrite, false);
  const savedFolder = `${folder}.part`;
  const seed = config.seed ?? (await SavedOutcomes.seedIn(savedFolder)) ?? randomBytes(8).toString('hex');
  const jobs = config.jobs ?? availableCores();
  return withSessions(config, jobs, async (sessions) => {
    const [session] = sessions;
    const contest = await prepare(session, { ...config, seed }, options, notices);
    const { rule, attacks, inputs, context } = contest;
    const saved = new SavedOutcomes(savedFolder, [
      session.info.sha256,
      { ...config, out: undefined, jobs: undefined, seed },
    ]);
    await saved.begin(seed);
    const clean = await attackAll(
      sessions,
      namedAttacks(['clean'], context.descriptor),
      { ...contest, saved },
      onProgress,
    );
    const cleanAnswers = clean[0].outcomes.map(({ answer }) => answer);
    const threshold = options.threshold ?? thresholdOf(cleanAnswers, options.coverage);
    if (!Number.isFinite(threshold))
      throw new UserError(
        'no threshold answers the share of --coverage, because scores of clean inputs are not finite: set --threshold',
      );
    if (rule.logits === undefined) warnOfTies(clean[0].outcomes, notices);
    const found = await attackAll(
      sessions,
      attacks,
      {
        ...contest,
        saved,
        inputs: withRivals(inputs, clean[0].outcomes, context),
        context: { ...context, threshold },
      },
      onProgress,
    );
    const results = found.map((result) => withPrices(withClean(result, clean[0].outcomes)));
    if (saved.reused > 0)
      notices.info(
        `${plural(saved.reused, 'part')} of the attacks ${saved.reused === 1 ? 'was' : 'were'} done by an earlier run, which was interrupted: ${savedFolder}`,
      );
    warnOfUntried(results, notices);
    const rows = results.map(({ attack, outcomes }) =>
      rowOf(attack.spec, outcomes, options.coverage, threshold),
    );
    const worst = inputs.map((_, i) =>
      results
        .map(({ outcomes }) => outcomes[i])
        .reduce((most, outcome) => (isWorse(outcome.answer, most.answer, threshold) ? outcome : most)),
    );
    const { findings, threatModel } = await recordMistakes(
      session,
      { config: { ...config, seed, out: folder }, overwrite: options.overwrite },
      { results, inputs, threshold, rule, input: context.descriptor.name },
      notices,
      onProgress,
    );
    await saved.remove();
    const { format, sha256 } = session.info;
    const report = {
      formatVersion: CONTEST_VERSION,
      model: { path: modelPath(config).asGiven, format, sha256 },
      seed,
      inputs: inputs.length,
      coverage: options.coverage,
      confidence: options.confidence,
      combine: options.combine ?? null,
      logits: rule.logits ?? null,
      threshold,
      isCalibrated: options.threshold === undefined,
      attacks: rows,
      worst: rowOf('worst', worst, options.coverage, threshold),
      campaign: folder,
      findings,
      ...(threatModel === undefined ? {} : { threatModel }),
    };
    return { report, mistakes: firstMistakes(results, inputs, context, threshold) };
  });
}

/** Outcomes of an attack that tried nothing near an input are those of the input as it is. */
function withClean({ attack, outcomes }: AttackResult, clean: readonly AttackOutcome[]): AttackResult {
  return {
    attack,
    outcomes: outcomes.map((outcome, i) => (outcome.queries === 0 ? { ...clean[i], queries: 0 } : outcome)),
  };
}

/** Queries with the price of gradients: a step along one counts as many as a gradient does. */
function withPrices({ attack, outcomes }: AttackResult): AttackResult {
  if (ATTACKS.resolveBuiltIn(attack.spec).kind.needsGradient !== true) return { attack, outcomes };
  return {
    attack,
    outcomes: outcomes.map((outcome) => ({ ...outcome, queries: GRADIENT_QUERIES * outcome.queries })),
  };
}

/** Says so where an attack tried nothing near some inputs. */
function warnOfUntried(results: readonly AttackResult[], notices: Notices): void {
  for (const { attack, outcomes } of results) {
    const untried = outcomes.filter(({ queries }) => queries === 0).length;
    if (untried > 0)
      notices.warn(
        `${attack.spec} tried nothing for ${untried} of ${plural(outcomes.length, 'input')}: none of its changes is allowed there, and these count as they are`,
      );
  }
}

/** What the attacks need. */
export interface PreparedContest {
  readonly config: CampaignConfig;
  readonly inputs: readonly AttackedInput[];
  readonly attacks: readonly NamedAttack[];
  readonly rule: AnswerRule;
  readonly context: Parameters<typeof attackAll>[2]['context'];
}

async function prepare(
  session: ModelSession,
  config: CampaignConfig & { readonly seed: string },
  options: ContestOptions,
  notices: Notices,
): Promise<PreparedContest> {
  const { seeds, labels, descriptors } = await resolveInputs(session.info, config, config.seed, notices);
  const inputs = seeds
    .map((data, index) => ({ data, index, label: labels?.get(data) ?? -1 }))
    .filter(({ label }) => label >= 0)
    .slice(0, options.inputs);
  if (inputs.length < MIN_INPUTS)
    throw new UserError(
      `a contest needs ${MIN_INPUTS} labelled inputs or more, and there ${inputs.length === 1 ? 'is' : 'are'} ${inputs.length}: set --seeds, --labels and --inputs`,
    );
  const position = attackedPosition(descriptors);
  const descriptor = descriptors[position];
  const { rule, classes } = await chooseAnswerRule(
    session,
    inputs.map(({ data }) => data),
    options.confidence,
    !hidesWeights(config),
  );
  const beyond = inputs.find(({ label }) => label >= classes);
  if (beyond !== undefined)
    throw new UserError(
      `--labels: the label of seed ${beyond.index} is ${beyond.label}, and the model knows ${plural(classes, 'class', 'classes')}, from 0`,
    );
  const context = {
    seed: config.seed,
    descriptor,
    position,
    threshold: Number.POSITIVE_INFINITY,
    queries: Math.min(options.queries, config.threatModel?.queries.each ?? options.queries),
    linf: config.linf,
    l2: config.l2,
    limits: threatLimits(config),
    combine: options.combine,
  };
  const refusal = hidesWeights(config)
    ? 'the threat model hides the weights'
    : await session.gradientRefusal({ inputs, rule, context });
  const specs = affordableAttacks(
    options.attacks ?? defaultAttacks(descriptor, refusal === undefined),
    options.attacks !== undefined,
    config,
    context,
  );
  const attacks = namedAttacks(specs, descriptor, refusal);
  if (options.combine !== undefined) checkCombination(attacks, descriptor, config);
  return { config, inputs, attacks, rule, context };
}

/** @throws UserError where `--combine` changes nothing, or more than is allowed */
function checkCombination(
  attacks: readonly NamedAttack[],
  { picture, name }: InputDescriptor,
  { linf, l2, l0 }: CampaignConfig,
): void {
  if (picture === undefined)
    throw new UserError(
      `--combine: random-spatial moves pictures, and input ${name} takes none: leave it out`,
    );
  const combinable = ATTACKS.list().filter(({ isCombinable }) => isCombinable === true);
  if (!attacks.some(({ spec }) => combinable.includes(ATTACKS.resolveBuiltIn(spec).kind)))
    throw new UserError(
      `--combine changes none of these attacks: add one of ${combinable.map((kind) => kind.name).join(', ')} to --attack`,
    );
  const [limit] = Object.entries({ linf, l2, l0 }).flatMap(([norm, value]) =>
    value === undefined ? [] : [`--${norm}`],
  );
  if (limit !== undefined)
    throw new UserError(`--combine moves pictures further than ${limit} allows: leave one of the two out`);
}

/** Says so where softmax shares are equal so often that they order nothing. */
function warnOfTies(outcomes: readonly AttackOutcome[], notices: Notices): void {
  const distinct = new Set(outcomes.map(({ answer }) => answer.confidence)).size;
  const tied = outcomes.length - distinct;
  if (tied > MAX_TIED_SHARE * outcomes.length)
    notices.warn(
      `the model has no logits, and ${formatCount(tied)} of ${plural(outcomes.length, 'confidence')} equal another: softmax shares in single precision can't order them (${formatNumber((100 * tied) / outcomes.length, 3)} %)`,
    );
}

function rowOf(
  attack: string,
  outcomes: readonly AttackOutcome[],
  coverage: number,
  threshold: number,
): AttackRow {
  const answers = outcomes.map(({ answer }) => answer);
  const queries = outcomes.map((outcome) => outcome.queries).sort((a, b) => a - b);
  return {
    attack,
    ...attackScores(answers, coverage, threshold),
    queriesMedian: queries[queries.length >> 1],
    curve: accuracyCurve(answers),
  };
}
