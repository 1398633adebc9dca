import { join } from 'node:path';
import type { CorpusSource } from '../fuzzer/executor.ts';
import type { LoadOptions } from '../model/model.ts';
import type { CampaignStore } from '../storage/campaign-store.ts';
import { STATE_FOLDER } from '../storage/journal.ts';
import type { ProbeWorker } from '../workers/probe-worker.ts';
import { type OnReplaced, WorkerPool } from '../workers/worker-pool.ts';
import { WorkerSupervisor, type WorkerSupervisorOptions } from '../workers/worker-supervisor.ts';
import type { Monitor } from './monitor/monitor.ts';
import type { Target } from './resolve/target.ts';

/** Worker deaths that are reported as warnings; later ones are in events.jsonl and in the statistics. */
const MAX_DEATH_WARNINGS = 3;

/** Options for loading the unmodified model with the runtimes that were resolved for it: findings are confirmed in it. */
export function resolvedLoadOptions(
  options: WorkerSupervisorOptions,
  { model, secondModel, invariants }: Target,
): LoadOptions {
  const loadOptions = {
    ...options.model.options,
    runtime: model.runtime.kind,
    ...(invariants === undefined ? {} : { invariants }),
  };
  return secondModel === undefined
    ? loadOptions
    : {
        ...loadOptions,
        secondModel: { ...secondModel, runtime: model.secondModel?.runtime.kind ?? secondModel.runtime },
      };
}

/** Options for loading the model as workers run it: as it is, or with a free batch. */
export function workerLoadOptions(options: WorkerSupervisorOptions, target: Target): LoadOptions {
  const loadOptions = resolvedLoadOptions(options, target);
  return target.fixedBatch === 'opened' ? { ...loadOptions, opensBatch: true } : loadOptions;
}

/**
 * Supervises a worker process of a campaign.
 *
 * @param process one that has loaded the model and is prepared; a new one is started if there is none
 */
export function createSupervisor(
  folder: string,
  options: WorkerSupervisorOptions,
  target: Target,
  process?: ProbeWorker['child'],
): WorkerSupervisor {
  const { setup, model } = target;
  const loading = { path: options.model.path, options: workerLoadOptions(options, target) };
  return new WorkerSupervisor(
    { ...options, model: loading },
    setup,
    model.sha256,
    join(folder, STATE_FOLDER),
    process,
  );
}

/** Executor of the worker processes on this machine. */
export function createLocalPool(
  supervisors: readonly WorkerSupervisor[],
  source: CorpusSource,
  store: CampaignStore,
  monitor: Monitor,
): WorkerPool {
  for (const supervisor of supervisors) supervisor.setSource(source);
  return new WorkerPool(supervisors, reportDeaths(store, monitor));
}

function reportDeaths(store: CampaignStore, monitor: Monitor): OnReplaced {
  let deaths = 0;
  return ({ kind, exitStatus, message }, { number: task }) => {
    deaths++;
    if (deaths <= MAX_DEATH_WARNINGS)
      monitor.warn(`a worker ended in task ${task} and was replaced: ${message}`);
    // An event that can't be written is not reported here: the campaign notices a full disk when it writes its state.
    store.appendEvent('worker-replaced', { task, kind, how: exitStatus }).catch(() => {});
  };
}
