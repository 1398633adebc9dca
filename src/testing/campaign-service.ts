/**
 * The process in which campaigns of `fuzz` run, and replays and minimizing: native modules and other globals stay out of a test
 * runner's sandbox. It ends when the process that started it does.
 */
import { checkOutcome } from '../campaign/check-outcome.ts';
import { type Fault, isConfirmedFault } from '../campaign/findings/fault-registry.ts';
import type { CampaignSummary, Monitor } from '../campaign/monitor/monitor.ts';
import { runCampaign } from '../campaign/run-campaign.ts';
import { checkSettings, knownSettings, readCampaignFile } from '../config/load.ts';
import { errorMessage, InterruptedError, MachineError, UserError } from '../core/errors.ts';
import { allowPlugins } from '../extensions/allowed-plugins.ts';
import { minimize } from '../triage/minimize/minimize.ts';
import { replay } from '../triage/replay.ts';
import type { FaultSummary } from './api.ts';
import type {
  CampaignOutcome,
  CampaignServiceApi,
  ErrorKind,
  ReplayOutcome,
  ServiceMessage,
  ServiceRequest,
} from './protocol.ts';

/** Name of the options in messages about them. */
const OPTIONS = 'options of fuzz';

/** Milliseconds that a campaign has to end in order once nobody waits for it. */
const ORDERLY_END_MS = 20_000;

const controller = new AbortController();
let running = 0;

function send(message: ServiceMessage): void {
  // Whoever waited may be gone: `disconnect` sees to that.
  if (process.connected) process.send?.(message, () => {});
}

const service: CampaignServiceApi = {
  async fuzz({ settings, config, start, otherOptions }) {
    const file = config === undefined ? {} : await readCampaignFile(config);
    const checked = checkSettings(
      { ...file, ...knownSettings(settings, OPTIONS, otherOptions) },
      {},
      OPTIONS,
    );
    const warnings: string[] = [];
    const monitor: Monitor = {
      info() {},
      warn: (text) => void warnings.push(text),
      onPhase() {},
      onStart() {},
      onThresholdChange() {},
      onFault: (fault) => send({ fault: summaryOf(fault) }),
      onStatistics: sendProgress,
    };
    const summary = await runCampaign(checked, monitor, controller.signal, start);
    sendProgress(summary.statistics);
    if (summary.stopped !== 'interrupted') checkOutcome(summary, checked.minExecs);
    return outcomeOf(summary, warnings);
  },
  async replay({ paths, model, trust }) {
    const outcomes: ReplayOutcome[] = [];
    for await (const { path, verdict, note } of replay(paths, { model, trust })) {
      outcomes.push({ path, verdict, note });
      throwIfAborted();
    }
    return outcomes;
  },
  async minimize({ paths, tries }) {
    const smaller: string[] = [];
    for await (const result of minimize(paths, { tries })) {
      smaller.push(...result.smaller.map(({ path }) => path));
      throwIfAborted();
    }
    return smaller;
  },
};

function sendProgress({ execs, elapsedSeconds, corpus, faults }: CampaignSummary['statistics']): void {
  send({ progress: { execs, elapsedSeconds, corpus, faults: faults.length } });
}

function throwIfAborted(): void {
  if (controller.signal.aborted) throw new InterruptedError('interrupted');
}

function summaryOf(fault: Fault): FaultSummary {
  const { signature, objective, summary, hits, firstExecs } = fault;
  return { signature, objective, summary, hits, firstExecs, confirmed: isConfirmedFault(fault) };
}

function outcomeOf(
  { folder, masterSeed, statistics, stopped }: CampaignSummary,
  warnings: readonly string[],
): CampaignOutcome {
  const { execs, elapsedSeconds, seeds, corpus, faults } = statistics;
  return {
    campaign: folder,
    seed: masterSeed,
    execs,
    elapsedSeconds,
    corpus: { seeds, count: corpus },
    stopped,
    faults: faults.map(summaryOf),
    warnings,
  };
}

async function answer({ id, method, params }: Extract<ServiceRequest, { id: number }>): Promise<void> {
  running++;
  try {
    // The caller's types see to it that the parameters are those of the method.
    const result = await (service[method] as (given: unknown) => Promise<unknown>)(params);
    send({ id, result });
  } catch (error) {
    send({ id, error: { kind: kindOf(error), message: errorMessage(error) } });
  } finally {
    running--;
    if (!process.connected && running === 0) process.exit();
  }
}

function kindOf(error: unknown): ErrorKind | undefined {
  if (error instanceof UserError) return 'UserError';
  if (error instanceof MachineError) return 'MachineError';
  return error instanceof InterruptedError ? 'InterruptedError' : undefined;
}

allowPlugins(undefined);
process.on('message', (request: ServiceRequest) => {
  if ('abort' in request) controller.abort();
  else void answer(request);
});
process.on('disconnect', () => {
  controller.abort();
  if (running === 0) process.exit();
  setTimeout(() => process.exit(), ORDERLY_END_MS).unref();
});
// Ctrl-C reaches this process as well as the one that waits for it, which ends the campaign or goes.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => controller.abort());
