import { type Metric, metric } from '../../core/prometheus.ts';
import type { Figures } from './statistics.ts';

/** A campaign's figures for Prometheus. */
export function campaignMetrics(figures: Figures): Metric[] {
  const { execs, lost, execsPerSecondNow, corpus, threshold, hits, faults, workers, diskMB, queue } = figures;
  const busy = workers.filter(({ state }) => state === 'busy').length;
  const replaced = workers.reduce((sum, worker) => sum + worker.replaced, 0);
  return [
    metric('execs_total', 'mutants whose results were taken', execs),
    metric('lost_total', 'mutants that never ran, since the model ended its process before', lost),
    metric('execs_per_second', 'mutants a second over the last ten seconds', execsPerSecondNow),
    metric('corpus', 'testcases in the corpus', corpus),
    metric('threshold', 'squared L2 distance above which activations are new', threshold),
    metric('hits_total', 'violations, kept or not', hits),
    metric('faults', 'signatures', faults.length),
    metric('workers', 'worker processes, or machines on a queue', workers.length),
    metric('workers_busy', 'those that work on a task', busy),
    metric('workers_replaced_total', 'worker processes that died', replaced),
    metric('disk_megabytes', "megabytes of the campaign's folder", diskMB),
    ...(queue === undefined
      ? []
      : [
          metric('queue_machines', 'machines that take part', queue.machines),
          metric('queue_shards_total', 'shards whose results were taken', queue.shards),
          metric('queue_shards_again_total', 'shards that were published again', queue.again),
          metric(
            'queue_shards_repeated_total',
            'results that came although theirs were there already',
            queue.repeated,
          ),
          metric('queue_shards_out', 'shards whose results are not there yet', queue.out),
        ]),
  ];
}
