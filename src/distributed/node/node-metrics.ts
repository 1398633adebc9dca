import { type Metric, makeMetric } from '../../core/prometheus.ts';

/** Work that a node has done so far, and what it is doing now. */
export interface WorkerNodeStatistics {
  readonly shards: number;
  readonly tasks: number;
  readonly execs: number;
  /** Shards being worked on. */
  readonly busy: number;
  /** Campaigns that it has joined. */
  readonly campaigns: number;
  /** Memory of all worker processes. */
  readonly memoryMB: number;
}

/** The statistics of a node as Prometheus metrics. */
export function workerNodeMetrics({
  shards,
  tasks,
  execs,
  busy,
  campaigns,
  memoryMB,
}: WorkerNodeStatistics): Metric[] {
  return [
    makeMetric('worker_shards_total', 'shards that were run', shards),
    makeMetric('worker_tasks_total', 'tasks that were run', tasks),
    makeMetric('worker_execs_total', 'mutants that ran', execs),
    makeMetric('worker_shards_busy', 'shards in progress', busy),
    makeMetric('worker_campaigns', 'campaigns that this machine takes part in', campaigns),
    makeMetric('worker_memory_megabytes', 'of all worker processes', memoryMB),
  ];
}
