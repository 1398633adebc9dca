import { performance } from 'node:perf_hooks';
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
import { splitByShare, TimeBudget } from './budget.ts';
import { runTurn, type TurnResult } from './campaign-turn.ts';

/** Maximum number of concurrent campaigns on a queue: each needs local processes that hold its model. */
const CAMPAIGN_CONCURRENCY = 8;

/** Observes a night. */
export interface NightMonitor {
  /** Makes the monitor of one of its campaigns, for a turn of so many milliseconds. */
  campaignMonitor(name: string, milliseconds: number): Monitor & { finish?(): void };
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
  const figures = new Map<string, RunFigures>();
  const ranOf = (name: string): RunFigures => figures.get(name) ?? { execs: 0, seconds: 0 };
  const runCampaignTurn = async (campaign: NightlyCampaign, milliseconds: number): Promise<boolean> => {
    const { name } = campaign;
    const { execs, seconds } = ranOf(name);
    const remaining = withRemainingExecs(campaign, execs);
    const start = performance.now();
    const turn = await tryTurn(config, remaining, milliseconds, observer, signal, failures);
    const turnSeconds = (performance.now() - start) / 1000;
    figures.set(name, { execs: execs + (turn?.execs ?? 0), seconds: seconds + turnSeconds });
    if (turn === undefined) return false;
    const { idleReason, statistics } = turn.summary;
    if (idleReason !== undefined && !statistics.faults.some(isConfirmedFault))
      failures.set(name, { name, message: idleReason, isMachine: false });
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
    failures.set(name, { name, message, ranTooFew: true, isMachine: true });
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

/** Runs one turn of a campaign. A failure is recorded and does not affect the other campaigns. */
async function tryTurn(
  { out, distill, queue }: NightlyConfig,
  campaign: NightlyCampaign,
  milliseconds: number,
  observer: NightMonitor,
  signal: AbortSignal,
  failures: Map<string, CampaignFailure>,
): Promise<TurnResult | undefined> {
  const { name } = campaign;
  const monitor = observer.campaignMonitor(name, milliseconds);
  observer.info(`${name}: ${(milliseconds / 1000).toFixed(0)} s`);
  try {
    const executorFactory = queue === undefined ? undefined : await nightExecutorFactory(queue, name);
    const context = { monitor, signal, executorFactory };
    return await runTurn(out, campaign, milliseconds, distill, context);
  } catch (error) {
    if (error instanceof InterruptedError) return undefined;
    if (!(error instanceof UserError || error instanceof MachineError)) throw error;
    failures.set(name, { name, message: errorMessage(error), isMachine: error instanceof MachineError });
    observer.warn(`${name} could not run: ${errorMessage(error)}`);
    return undefined;
  } finally {
    monitor.finish?.();
  }
}
