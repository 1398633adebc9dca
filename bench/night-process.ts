/** Process that stands in for a worker over a night: it holds what a worker holds, and makes mutants up instead of running a model. */

import { randomStream } from '../src/core/random.ts';
import type { NoveltyHistory } from '../src/coverage/feedback/feedback-kind.ts';
import { feedbackKind } from '../src/coverage/feedback/registry.ts';
import { unpackEntry } from '../src/fuzzer/packed-entries.ts';
import { type ObservedTestcase, packTestcases } from '../src/fuzzer/packed-testcases.ts';
import type { CorpusEntryData, TaskResult } from '../src/fuzzer/scheduling/task.ts';
import { MUTANTS_PER_PICK } from '../src/fuzzer/scheduling/task-sizes.ts';
import { EntryCache, entryBytes } from '../src/workers/entry-cache.ts';
import { serve } from '../src/workers/rpc-server.ts';
import type { TaskMessage } from '../src/workers/worker-setup.ts';
import { FORM, SIZE } from './simulated-campaign.ts';

const WARM = { form: FORM, inputs: [new Float32Array(SIZE)] };

let width = 0;
let history: NoveltyHistory | undefined;
const cache = EntryCache.forTestcases<CorpusEntryData>(WARM);

const methods = {
  open(parameters: { width: number; snapshotFolder: string }): void {
    width = parameters.width;
    history = feedbackKind('distance').openHistory(width, { folder: parameters.snapshotFolder });
  },

  /** Answers a task with the mutants that are new. */
  runTask({ task, requiredEntries, packedEntries, vectors }: Omit<TaskMessage, 'span'>): TaskResult {
    if (history === undefined) throw new Error('no index is open');
    for (let from = 0; from < vectors.length; from += width)
      history.add(vectors.subarray(from, from + width));
    packedEntries.entries.forEach((entry, i) => {
      const data = unpackEntry(packedEntries, i);
      cache.set(entry, data, entryBytes(data));
    });
    cache.touch(requiredEntries);
    const random = randomStream('night', task.number);
    const filter = history.filter(task.threshold);
    const observations = new Float32Array(task.mutants * width);
    for (let i = 0; i < observations.length; i++) observations[i] = random.uniform();
    const kept: ObservedTestcase[] = [];
    const picks: number[] = [];
    for (let row = 0; row < task.mutants; row++) {
      const pick = Math.floor(row / MUTANTS_PER_PICK);
      const parent = cache.get(task.parents[pick]);
      if (parent === undefined) throw new Error(`entry ${task.parents[pick]} was not sent`);
      if (!filter.isNew(observations, row, parent.activations)) continue;
      const activations = observations.slice(row * width, (row + 1) * width);
      filter.accept(activations);
      const data = Float32Array.from(parent.data.inputs[0] as Float32Array);
      data[random.below(SIZE)] = random.uniform();
      kept.push({ data: { form: FORM, inputs: [data] }, activations });
      picks.push(pick);
    }
    return {
      task: task.number,
      mutants: task.mutants,
      lost: 0,
      rejected: 0,
      candidates: { ...packTestcases(kept), picks, predictedClasses: picks.map(() => 0) },
      hits: [],
      counts: [],
      seconds: { mutate: 0, model: 0, objectives: 0, coverage: 0 },
    };
  },

  memory: (): number => process.memoryUsage.rss(),
};

export type NightApi = typeof methods;

serve(methods);
