import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type AttackContext,
  type AttackedInput,
  type AttackOutcome,
  attackedPosition,
} from '../attacks/attack.ts';
import { withRivals } from '../attacks/rivals.ts';
import {
  AUDIT_CHECKS,
  type AuditAttack,
  type AuditCheck,
  type CheckFinding,
  CURVE,
  checkClaim,
  type Verdict,
  verdictOf,
} from '../audit/checks.ts';
import { accuracyOf, afterAll } from '../audit/paired.ts';
import { chooseAnswerRule } from '../campaign/resolve/abstention/answer-rule.ts';
import { resolveInputs } from '../campaign/resolve/inputs.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { ThreatAudit } from '../campaign/threat-model/audit-findings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { plural } from '../core/format-number.ts';
import { modelName } from '../core/model-name.ts';
import type { OnProgress } from '../core/progress.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { ModelInfo } from '../model/model.ts';
import { checkFolder } from '../storage/check-folder.ts';
import { modelPath } from '../storage/load-options.ts';
import { availableCores } from '../workers/resource-limits.ts';
import { type AdaptiveAttack, AuditAttacks, type AuditedModel } from './audit-attacks.ts';
import { recordBroken } from './audit-findings.ts';
import { attackAll } from './contest-attacks.ts';
import { hidesWeights } from './contest-threat.ts';
import { withSessions } from './with-sessions.ts';

/** Version of the object that `audit-defense --json` prints. */
const AUDIT_VERSION = 1;

/** Fewest inputs that accuracies are taken of. */
const MIN_INPUTS = 20;

/** The limit where none is set, as a share of the span. */
const DEFAULT_LIMIT = 0.1;

/** What `audit-defense` is asked for beside model and inputs. */
export interface AuditOptions {
  /** Most inputs that are attacked; the model is right on each. */
  readonly inputs: number;
  /** Queries of an attack by outputs for one input. */
  readonly queries: number;
  /** Steps of the iterated gradient attack. */
  readonly steps: number;
  /** Robust accuracy that is claimed, 0 to 1. */
  readonly claim: number | undefined;
  /** Path of an undefended model of the same task. */
  readonly against: string | undefined;
  /** Milliseconds after which no further check begins. */
  readonly time: number | undefined;
  readonly overwrite: boolean;
}

/** A check with what it found. */
export interface CheckRow extends CheckFinding {
  readonly name: string;
  /** What is compared. */
  readonly help: string;
  /** What the flag means; null without one. */
  readonly advice: string | null;
}

/** The accuracy after one attack. */
export interface AuditAttackRow {
  readonly name: AuditAttack;
  readonly spec: string;
  readonly accuracy: number;
  /** Runs of the model for an input, up to the first mistake: the median. */
  readonly queries: number;
}

/** Result of `audit-defense`. */
export interface AuditReport {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256'>;
  readonly seed: string;
  readonly norm: 'linf' | 'l2';
  /** The limit, in values of the input. */
  readonly epsilon: number;
  /** Inputs that were attacked: the model is right on each. */
  readonly inputs: number;
  /** Share of all labelled seeds that the model is right on. */
  readonly clean: number;
  /** Those that ran; `inputs` are numbers of seeds. */
  readonly checks: readonly CheckRow[];
  readonly notRun: readonly { readonly name: string; readonly why: string }[];
  readonly attacks: readonly AuditAttackRow[];
  readonly curve: readonly { readonly epsilon: number; readonly accuracy: number }[];
  readonly verdict: Verdict;
  /** The attack that suits what was flagged; null where nothing was. */
  readonly adaptive: { readonly spec: string; readonly accuracy: number } | null;
  /** Accuracy on the attacked inputs after the worst of all attacks within the limit, and times `clean`: the robust accuracy is at most that. */
  readonly worst: number;
  readonly robust: number;
  readonly claim: number | null;
  /** The campaign's folder, and the findings in it: each input that an attack within the limit breaks. */
  readonly campaign: string;
  readonly findings: number;
  /** How the findings obey the threat model, if there is one. */
  readonly threatModel?: ThreatAudit;
}

/**
 * Checks whether the robustness of a classifier is real, or whether gradients are only hidden (Athalye, Carlini & Wagner 2018; Carlini
 * et al. 2019; Croce & Hein 2020).
 *
 * @throws UserError where there are no labels, no limit, too few inputs that the model is right on, or no class output
 */
export async function auditDefense(
  config: CampaignConfig,
  options: AuditOptions,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<AuditReport> {
  checkConfig(config);
  const start = performance.now();
  const folder = config.out ?? join('neurofuzz-out', `${modelName(modelPath(config).asGiven)}-audit`);
  await checkFolder(folder, options.overwrite, false);
  const seed = config.seed ?? randomBytes(8).toString('hex');
  return withSessions(config, config.jobs ?? availableCores(), async (sessions) => {
    const { audited, clean } = await prepare(sessions, { ...config, seed }, options, notices, onProgress);
    const { inputs, context, rule } = audited;
    const attacks = new AuditAttacks(audited, options, onProgress);
    const isLate = (): boolean => options.time !== undefined && performance.now() - start > options.time;
    const { checks, notRun } = await runChecks(attacks, isLate);
    const run = AUDIT_CHECKS.filter(({ name }) => checks.some((row) => row.name === name));
    const flagged = run.filter(({ name }) => checks.some((row) => row.name === name && row.flagged));
    const verdict = verdictOf(run, flagged);
    if (isSuspect(verdict)) {
      if (isLate()) notRun.push({ name: 'adaptive', why: '--time is over' });
      else await attacks.attackProperly(adaptiveFor(flagged, attacks));
    }
    const within = [...attacks.outcomes].filter(([attack]) => isWithinLimit(attack));
    const worst = afterAll([
      inputs.map(() => true),
      ...within.map(([, outcomes]) => outcomes.map(({ answer }) => !answer.isWrong)),
    ]);
    const robust = clean * accuracyOf(worst);
    if (options.claim !== undefined)
      checks.push({
        ...checkClaim(options.claim, robust, worst),
        name: 'claim',
        help: 'robust accuracy that all attacks leave, against the one that is claimed',
        advice: 'The claim is wrong; the findings prove it.',
      });
    const { findings, threatModel } = await recordBroken(
      sessions[0],
      { config: { ...config, seed, out: folder }, overwrite: options.overwrite },
      { outcomes: within, inputs, rule, input: context.descriptor.name },
      notices,
      onProgress,
    );
    const { format, sha256 } = sessions[0].info;
    const adaptive = attacks.outcomes.get('adaptive');
    return {
      formatVersion: AUDIT_VERSION,
      model: { path: modelPath(config).asGiven, format, sha256 },
      seed,
      norm: context.l2 === undefined ? 'linf' : 'l2',
      epsilon: limitOf(context),
      inputs: inputs.length,
      clean,
      checks: checks.map((row) => ({
        ...row,
        advice: row.flagged ? row.advice : null,
        inputs: row.inputs.map((i) => inputs[i].index),
      })),
      notRun,
      attacks: [...attacks.outcomes].map(([name, outcomes]) => rowOf(name, attacks.specOf(name), outcomes)),
      curve: CURVE.flatMap(([attack, share]) => {
        const outcomes = attacks.outcomes.get(attack);
        const epsilon = share * limitOf(context);
        return outcomes === undefined ? [] : [{ epsilon, accuracy: accuracyAfter(outcomes) }];
      }),
      verdict,
      adaptive:
        adaptive === undefined
          ? null
          : { spec: attacks.specOf('adaptive'), accuracy: accuracyAfter(adaptive) },
      worst: accuracyOf(worst),
      robust,
      claim: options.claim ?? null,
      campaign: folder,
      findings,
      ...(threatModel === undefined ? {} : { threatModel }),
    };
  });
}

function isSuspect(verdict: Verdict): boolean {
  return verdict === 'masked' || verdict === 'random';
}

/** Whether an audit speaks against the defence. */
export function isRefuted({ verdict, checks }: Pick<AuditReport, 'verdict' | 'checks'>): boolean {
  return isSuspect(verdict) || checks.some(({ name, flagged }) => name === 'claim' && flagged);
}

/** @throws UserError where the settings have no limit that the attacks can keep */
function checkConfig({ seeds, labels, linf, l2, l0, edits, threatModel }: CampaignConfig): void {
  if (seeds === undefined) throw new UserError('there are no inputs to attack: set --seeds');
  if (labels === undefined)
    throw new UserError('without --labels nobody knows which answers are right: set --labels');
  const { goal, may, limits, knows, queries, turn } = threatModel ?? {};
  if (may === 'content-preserving' && limits?.linf === undefined && limits?.l2 === undefined)
    throw new UserError(
      'threatModel.may: content-preserving allows mild changes alone where nothing is limited, and attacks of an audit are not: set linf or l2 in threatModel.limits',
    );
  if (goal !== undefined && (goal.kind !== 'untargeted' || goal.confident !== undefined || turn === 'before'))
    throw new UserError(
      'threatModel: an audit is about attackers who search for any wrong class: set goal to untargeted, without confident, and turn to after',
    );
  if (knows !== undefined && knows.outputs !== 'scores')
    throw new UserError(
      `threatModel.knows.outputs: ${knows.outputs} hides scores that an audit compares: leave it out`,
    );
  if (knows?.model === 'nothing')
    throw new UserError(
      'threatModel.knows.model: nothing: an audit attacks the model itself, and trains a surrogate of its own: leave it out',
    );
  if (threatModel?.plausible !== undefined)
    throw new UserError(
      'threatModel.plausible: the attacks of an audit do not ask whether inputs are plausible: leave it out',
    );
  if (limits?.valid !== undefined)
    throw new UserError(
      'threatModel.limits.valid: the attacks of an audit keep to no condition: leave it out',
    );
  if (queries?.each !== undefined || queries?.total !== undefined)
    throw new UserError(
      'threatModel.queries: an audit asks as often as its checks need: leave it out, and set --queries',
    );
  if (linf !== undefined && l2 !== undefined)
    throw new UserError('--linf and --l2: a defence is audited within one of them: leave one out');
  const other = l0 === undefined ? (edits === undefined ? undefined : 'edits') : 'l0';
  if (other !== undefined)
    throw new UserError(`an audit attacks within linf or l2, not within ${other}: set one of them instead`);
}

async function prepare(
  sessions: AuditedModel['sessions'],
  config: CampaignConfig & { readonly seed: string },
  options: AuditOptions,
  notices: Notices,
  onProgress: OnProgress,
): Promise<{ readonly audited: AuditedModel; readonly clean: number }> {
  const [session] = sessions;
  const { seeds, labels, descriptors } = await resolveInputs(session.info, config, config.seed, notices);
  const all = seeds.flatMap((data, index) => {
    const label = labels?.get(data) ?? -1;
    return label < 0 ? [] : [{ data, index, label }];
  });
  const position = attackedPosition(descriptors);
  if (all.length === 0) throw new UserError(tooFew(0));
  const { rule, classes } = await chooseAnswerRule(
    session,
    all.map(({ data }) => data),
    'max-logit',
  );
  const beyond = all.find(({ label }) => label >= classes);
  if (beyond !== undefined)
    throw new UserError(
      `--labels: the label of seed ${beyond.index} is ${beyond.label}, and the model knows ${plural(classes, 'class', 'classes')}, from 0`,
    );
  const descriptor = descriptors[position];
  const { linf, l2 } = config;
  const context: AttackContext = {
    seed: config.seed,
    descriptor,
    position,
    threshold: Number.NEGATIVE_INFINITY,
    queries: options.queries,
    linf: linf ?? (l2 === undefined ? DEFAULT_LIMIT * spanOf(descriptor) : undefined),
    l2,
  };
  const clean = [{ spec: 'clean', name: 'clean' }];
  const [{ outcomes }] = await attackAll(sessions, clean, { config, inputs: all, rule, context }, onProgress);
  const right = withRivals(all, outcomes, context).filter(
    (_, i) => outcomes[i].answer.predicted === all[i].label,
  );
  if (right.length < MIN_INPUTS) throw new UserError(tooFew(right.length));
  const inputs: readonly AttackedInput[] = right.slice(0, options.inputs);
  const refusal = hidesWeights(config)
    ? 'the threat model hides the weights'
    : await session.gradientRefusal({ inputs, rule, context });
  if (refusal !== undefined) notices.info(`no gradients (${refusal}): the checks by outputs alone are run`);
  const hasGradient = refusal === undefined;
  return {
    audited: { sessions, config, inputs, rule, classes, context, hasGradient },
    clean: right.length / all.length,
  };
}

function tooFew(count: number): string {
  return `an audit needs ${MIN_INPUTS} labelled inputs or more that the model is right on, and there ${count === 1 ? 'is' : 'are'} ${count}: set --seeds and --labels`;
}

/** Runs the checks in their order, and the attacks that no check compares where there are no gradients. */
async function runChecks(
  attacks: AuditAttacks,
  isLate: () => boolean,
): Promise<{ readonly checks: CheckRow[]; readonly notRun: { name: string; why: string }[] }> {
  const checks: CheckRow[] = [];
  const notRun: { name: string; why: string }[] = [];
  for (const check of AUDIT_CHECKS) {
    const { name, help, advice } = check;
    const why = isLate() ? '--time is over' : (check.refuses?.(attacks) ?? missingAttack(check, attacks));
    if (why === undefined) checks.push({ name, help, advice, ...(await check.run(attacks)) });
    else notRun.push({ name, why });
  }
  if (!attacks.hasGradient)
    for (const attack of ['random', 'outputs', 'surrogate', 'against'] as const)
      if (attacks.available.has(attack) && !isLate()) await attacks.after(attack);
  return { checks, notRun };
}

/** Why a check lacks the attacks that it compares; undefined where it has one. */
function missingAttack(
  { name }: AuditCheck,
  { available, surrogateRefusal }: AuditAttacks,
): string | undefined {
  if (name !== 'transfer-better' || available.has('surrogate') || available.has('against')) return undefined;
  return `${surrogateRefusal}, and there is no --against`;
}

/** The attack that suits what was flagged. */
function adaptiveFor(flagged: readonly AuditCheck[], { hasGradient }: AuditAttacks): AdaptiveAttack {
  const has = (name: string): boolean => flagged.some((check) => check.name === name);
  const isStraightThrough = has('no-gradient') || has('wrong-gradient');
  const raisesDlr = has('scale');
  const isRandomAlone = flagged.every(({ sense }) => sense !== 'masking');
  const byOutputs = !hasGradient || !(isStraightThrough || raisesDlr || isRandomAlone);
  return { isStraightThrough, raisesDlr, byOutputs };
}

/** Whether an attack keeps to the limit, so that what it breaks refutes a claim. */
function isWithinLimit(attack: AuditAttack): boolean {
  return attack !== 'unbounded' && attack !== 'double' && attack !== 'fourfold';
}

function limitOf({ linf, l2 }: AttackContext): number {
  return l2 ?? linf ?? 0;
}

function accuracyAfter(outcomes: readonly AttackOutcome[]): number {
  return accuracyOf(outcomes.map(({ answer }) => !answer.isWrong));
}

function rowOf(name: AuditAttack, spec: string, outcomes: readonly AttackOutcome[]): AuditAttackRow {
  const queries = outcomes.map((outcome) => outcome.queries).sort((a, b) => a - b);
  return { name, spec, accuracy: accuracyAfter(outcomes), queries: queries[queries.length >> 1] };
}
