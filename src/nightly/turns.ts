import { performance } from 'node:perf_hooks';
import { outsideMessage } from '../campaign/check-outcome.ts';
import type { ExecutorFactory } from '../campaign/executor-factory.ts';
import { isConfirmedFault } from '../campaign/findings/fault-registry.ts';
import type { Monitor } from '../campaign/monitor/monitor.ts';
import type { NightlyCampaign, NightlyConfig } from '../config/nightly.ts';
import { errorMessage, InterruptedError, MachineError, UserError } from '../core/errors.ts';
import { formatCount, plural } from '../core/format-number.ts';
import { queueExecutorFactory } from '../distributed/coordinator/coordinator.ts';
import { DEFAULT_PREFIX } from '../distributed/protocol/redis-keys.ts';
import { checkQueue, parseQueueAddress } from '../distributed/redis/connection.ts';
import type { FailedCampaign } from '../report/fault-groups.ts';
import type { RunFigures } from '../report/view-model.ts';
import { EMPTY_BASELINE, loadBaseline } from '../triage/baseline.ts';
import { exists } from '../triage/findings.ts';
import { splitByShare, TimeBudget } from './budget.ts';
import { runTurn, type TurnResult } from './campaign-turn.ts';
import { baselinePath } from './generations.ts';

/** Maximum number of concurrent campaigns on a queue: each needs local processes that hold its model. */
const CAMPAIGN_CONCURRENCY = 8;

/** A campaign's turn in a night. */
export interface NightTurn {
  readonly name: string;
  /** Its place among the campaigns of the night, from 1. */
  readonly number: number;
  /** Number of campaigns of the night. */
  readonly total: number;
  /** Duration of the turn in milliseconds, at most. */
  readonly milliseconds: number;
  /** Signatures of the faults that earlier nights knew. */
  readonly knownSignatures: ReadonlySet<string>;
}

/** Observes a night. */
export interface NightMonitor {
  /** Makes the monitor of a campaign for one turn. */
  campaignMonitor(turn: NightTurn): Monitor & { finish?(): void };
  /** Called with what the night does after its campaigns, with faults that are minimized and those that are to be. */
  onPhase(text: string, done?: number, total?: number): void;
  /** Called with each campaign that fails. */
  onFailure(failure: CampaignFailure): void;
  info(text: string): void;
  warn(text: string): void;
}

/** A campaign that could not run, or ran too few mutants. */
export interface CampaignFailure extends FailedCampaign {
  /** Whether the cause is the machine, as opposed to the configuration. */
  readonly isMachine: boolean;
}

/** What the campaigns of a night did, by their names. */
export interface NightTurns {
  readonly failures: Map<string, CampaignFailure>;
  /** What ran in this night. */
  readonly figures: ReadonlyMap<string, RunFigures>;
}

/** Runs all campaigns within the time budget, several concurrently if a queue is used. */
export async function runTurns(
  config: NightlyConfig,
  observer: NightMonitor,
  signal: AbortSignal,
): Promise<NightTurns> {
  const { campaigns, time, queue } = config;
  const failures = new Map<string, CampaignFailure>();
  const fail = (failure: CampaignFailure): void => {
    failures.set(failure.name, failure);
    observer.onFailure(failure);
  };
  const figures = new Map<string, RunFigures>();
  const ranOf = (name: string): RunFigures => figures.get(name) ?? { execs: 0, seconds: 0 };
  const runCampaignTurn = async (campaign: NightlyCampaign, milliseconds: number): Promise<boolean> => {
    const { name } = campaign;
    const { execs, seconds } = ranOf(name);
    const remaining = withRemainingExecs(campaign, execs);
    const start = performance.now();
    const monitor = observer.campaignMonitor({
      name,
      number: campaigns.indexOf(campaign) + 1,
      total: campaigns.length,
      milliseconds,
      knownSignatures: await knownSignatures(config.out, name),
    });
    const turn = await tryTurn(config, remaining, milliseconds, monitor, signal);
    // Faults may have been found since the last figures were shown.
    if (turn !== undefined && 'summary' in turn) monitor.onStatistics(turn.summary.statistics);
    monitor.finish?.();
    const turnSeconds = (performance.now() - start) / 1000;
    const turnExecs = turn !== undefined && 'summary' in turn ? turn.execs : 0;
    figures.set(name, { execs: execs + turnExecs, seconds: seconds + turnSeconds });
    if (turn === undefined) return false;
    if ('isMachine' in turn) {
      fail(turn);
      return false;
    }
    const { idleReason, statistics } = turn.summary;
    if (idleReason !== undefined && !statistics.faults.some(isConfirmedFault))
      fail({ name, message: idleReason, isMachine: false });
    const outside = outsideMessage(turn.summary);
    if (outside !== undefined) fail({ name, message: outside, isMachine: true });
    return turn.summary.stopped === 'time';
  };
  const groups = splitByShare(campaigns, queue === undefined ? 1 : CAMPAIGN_CONCURRENCY);
  await Promise.all(
    groups.map((group) =>
      new TimeBudget<NightlyCampaign>(time).spend(group, runCampaignTurn, () => signal.aborted),
    ),
  );
  if (signal.aborted) return { failures, figures };
  for (const {
    name,
    config: { minExecs = 0 },
  } of campaigns) {
    const { execs } = ranOf(name);
    if (failures.has(name) || execs >= minExecs) continue;
    const message = `${plural(execs, 'mutant')}, fewer than minExecs ${formatCount(minExecs)}`;
    fail({ name, message, ranTooFew: true, isMachine: true });
  }
  return { failures, figures };
}

/** Makes an executor factory that distributes a campaign over the nodes on a queue. */
async function nightExecutorFactory(queue: string | true, name: string): Promise<ExecutorFactory> {
  const address = parseQueueAddress(queue === true ? undefined : queue);
  await checkQueue(address, DEFAULT_PREFIX);
  return queueExecutorFactory({ address, prefix: DEFAULT_PREFIX, name, mixed: false });
}

/** Reduces the limit of mutants of a campaign, if any, by those that have run tonight. */
function withRemainingExecs(campaign: NightlyCampaign, execs: number): NightlyCampaign {
  const { config } = campaign;
  if (config.execs === undefined) return campaign;
  return { ...campaign, config: { ...config, execs: Math.max(1, config.execs - execs) } };
}

/** Signatures of the faults that the baseline of a campaign holds; none if there is none, or it can't be read. */
async function knownSignatures(out: string, name: string): Promise<ReadonlySet<string>> {
  const path = baselinePath(out, name);
  try {
    const { faults } = (await exists(path)) ? await loadBaseline(path) : EMPTY_BASELINE;
    return new Set(faults.map(({ signature }) => signature));
  } catch (error) {
    // It is named when the faults are compared.
    if (!(error instanceof UserError)) throw error;
    return new Set();
  }
}

/** Runs one turn of a campaign; undefined if it was interrupted. A failure is returned: it does not affect the other campaigns. */
async function tryTurn(
  { out, distill, queue }: NightlyConfig,
  campaign: NightlyCampaign,
  milliseconds: number,
  monitor: Monitor,
  signal: AbortSignal,
): Promise<TurnResult | CampaignFailure | undefined> {
  const { name } = campaign;
  try {
    const executorFactory = queue === undefined ? undefined : await nightExecutorFactory(queue, name);
    return await runTurn(out, campaign, milliseconds, distill, { monitor, signal, executorFactory });
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    return { name, message: errorMessage(error), isMachine: error instanceof MachineError };
  }
}
