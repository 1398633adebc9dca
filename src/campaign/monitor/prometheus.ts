import { type Metric, makeMetric } from '../../core/prometheus.ts';
import type { Statistics } from './statistics.ts';

/** A campaign's statistics as Prometheus metrics. */
export function campaignMetrics(statistics: Statistics): Metric[] {
  const { execs, lost, execsPerSecondNow, corpus, threshold, hits, faults, workers, diskMB, queue } =
    statistics;
  const { newFaults, seedAccounts } = statistics;
  const busy = workers.filter(({ state }) => state === 'busy').length;
  const replaced = workers.reduce((sum, worker) => sum + worker.replaced, 0);
  return [
    makeMetric('execs_total', 'mutants whose results were taken', execs),
    makeMetric('lost_total', 'mutants that never ran, since the model ended its process before', lost),
    makeMetric('execs_per_second', 'mutants a second over the last ten seconds', execsPerSecondNow),
    makeMetric('corpus', 'testcases in the corpus', corpus),
    makeMetric(
      'threshold',
      'squared L2 distance, or number of new elements, above which activations are new',
      threshold,
    ),
    makeMetric('hits_total', 'violations, kept or not', hits),
    makeMetric('faults', 'signatures', faults.length),
    makeMetric(
      'new_fault_chance',
      'estimated chance that the next mutant shows a new fault',
      newFaults.chance,
    ),
    makeMetric('mutants_since_new_fault', 'mutants since the last new fault', newFaults.mutantsSinceLast),
    ...(seedAccounts.length === 0
      ? []
      : [
          makeMetric(
            'broken_seeds',
            'seeds that a mutant broke, of the objective with the most',
            Math.max(...seedAccounts.map(({ broken }) => broken)),
          ),
        ]),
    makeMetric('workers', 'worker processes, or machines on a queue', workers.length),
    makeMetric('workers_busy', 'those that work on a task', busy),
    makeMetric('workers_replaced_total', 'worker processes that died', replaced),
    makeMetric('disk_megabytes', "megabytes of the campaign's folder", diskMB),
    ...(queue === undefined
      ? []
      : [
          makeMetric('queue_machines', 'machines that take part', queue.machines),
          makeMetric('queue_shards_total', 'shards whose results were taken', queue.shards),
          makeMetric('queue_shards_again_total', 'shards that were published again', queue.again),
          makeMetric(
            'queue_shards_repeated_total',
            'results that came although theirs were there already',
            queue.repeated,
          ),
          makeMetric('queue_shards_out', 'shards whose results are not there yet', queue.out),
        ]),
  ];
}
