import type { AttributedViolation } from '../evaluation/attributor.ts';
import type { Objective } from '../objectives/objective.ts';
import type { MutantBatch } from './generation/mutant-generator.ts';
import type { ParentSource } from './generation/parent-source.ts';
import type { HitCollector } from './hit-collector.ts';
import type { NeighbourCounter } from './neighbour-counter.ts';
import type { DisabledObjective, PhaseSeconds, Task } from './scheduling/task.ts';
import type { Candidate, GoalTracker } from './search/goal-tracker.ts';
import type { AscentAccount } from './search/search-goal.ts';
import type { Trajectories } from './search/trajectories.ts';
import type { SeedHitCollector } from './seeds/seed-hits.ts';

/** Rows `from` to `to` of a batch of mutants, the latter excluded. */
export interface MutantSlice extends Pick<MutantBatch, 'form' | 'first'> {
  readonly from: number;
  readonly to: number;
}

/** The state of a task while it runs, and what it has brought so far. */
export interface TaskExecution {
  readonly task: Task;
  readonly view: ParentSource;
  readonly seconds: PhaseSeconds;
  readonly hitCollector: HitCollector;
  /** Undefined where no objective has accounts of seeds. */
  readonly seedHits: SeedHitCollector | undefined;
  /** Undefined where the task has no goal. */
  readonly goalTracker: GoalTracker | undefined;
  readonly trajectories: Trajectories;
  /** By signature, how many violations there were, and what the last one that was traced is attributed to. */
  readonly traced: Map<string, { readonly count: number; readonly attributed: AttributedViolation }>;
  /** What gradients took so far. */
  readonly ascent: { -readonly [K in keyof AscentAccount]: AscentAccount[K] };
  /** Undefined where the scheduler needs no counts by neighbourhood. */
  readonly neighbours: NeighbourCounter | undefined;
  /** Mutants that are new. */
  readonly candidates: Candidate[];
  /** Objectives that judge; one whose plug-in fails is removed. */
  readonly objectives: Set<Objective>;
  readonly disabledObjectives: DisabledObjective[];
}
