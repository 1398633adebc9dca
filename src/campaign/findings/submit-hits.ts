import type { Hit, HitCount, TaskResult } from '../../fuzzer/scheduling/task.ts';
import { type SeedHit, seedDistance } from '../../fuzzer/seeds/seed-distance.ts';
import type { FuzzerState, SubmittedHits } from '../../fuzzer/state.ts';
import type { AttackedModel } from '../attacked-model.ts';

/** What became of a task's hits on the surrogate when they were submitted to the model. */
export interface Submission {
  /** Hits that violate an objective on the model, with the violation as it is there. */
  readonly hits: readonly Hit[];
  readonly counts: readonly HitCount[];
  /** Of each of these hits, which submission for its seed it is, from 1; undefined where the search runs on the model itself. */
  readonly numbers: ReadonlyMap<Hit, number> | undefined;
  readonly submitted: SubmittedHits;
}

/**
 * Submits a task's hits on the surrogate to the model, each seed's first, as long as the seed holds and an input may be submitted for
 * it. Changes nothing: the caller applies what became of them.
 *
 * @param hits legal ones, in order
 * @throws ProcessDied if the model's process was closed meanwhile
 */
export async function submitHits(
  hits: readonly Hit[],
  { seedHits: surrogateHits = [] }: Pick<TaskResult, 'seedHits'>,
  model: Pick<AttackedModel, 'judge'>,
  state: Pick<FuzzerState, 'seedOf' | 'originOf' | 'submissions' | 'accounts'>,
): Promise<Submission> {
  const { submissions, accounts } = state;
  const seeds: number[] = [];
  const seedHits: SeedHit[] = [];
  const numbers = new Map<Hit, number>();
  const counts = new Map<string, number>();
  for (const hit of hits) {
    const seed = state.seedOf(hit);
    const isOpen = submissions?.canSubmit(seed, seeds.length) === true && !seeds.includes(seed);
    if (!isOpen || accounts?.isUnbroken(seed) === false) continue;
    const { violation } = await model.judge(hit.data, hit.label);
    seeds.push(seed);
    if (violation === undefined) continue;
    const { signature, objective } = violation;
    counts.set(signature, (counts.get(signature) ?? 0) + 1);
    numbers.set(
      { ...hit, violation, batch: { data: hit.data, rows: 1, row: 0 } },
      (submissions?.submitted(seed) ?? 0) + 1,
    );
    const query = surrogateHits.find((other) => other.seed === seed)?.query ?? 1;
    seedHits.push({ objective, seed, query, ...seedDistance(hit.data, state.originOf(hit).ancestor) });
  }
  return {
    hits: [...numbers.keys()],
    counts: [...counts].map(([signature, count]) => ({ signature, hits: count })),
    numbers,
    submitted: { seeds, seedHits },
  };
}

/**
 * Tells which of a task's hits on a random model hold in its reruns: of a seed that is not broken, the first one. Those that do not
 * hold are left out, so that every finding is of a seed that counts as broken. Changes nothing.
 *
 * @param holds whether a hit shows in enough reruns
 * @throws ProcessDied if the model's process was closed meanwhile
 */
export async function rerunHits(
  hits: readonly Hit[],
  { seedHits = [], counts }: Pick<TaskResult, 'seedHits' | 'counts'>,
  holds: (hit: Hit) => Promise<boolean>,
  state: Pick<FuzzerState, 'seedOf' | 'accounts'>,
): Promise<Submission> {
  const held: SeedHit[] = [];
  const kept: Hit[] = [];
  for (const hit of hits) {
    const seed = state.seedOf(hit);
    const { objective } = hit.violation;
    const seedHit = seedHits.find((other) => other.seed === seed && other.objective === objective);
    const breaksSeed = seedHit !== undefined && state.accounts?.isUnbroken(seed) !== false;
    if (breaksSeed && !held.includes(seedHit)) {
      if (!(await holds(hit))) continue;
      held.push(seedHit);
    }
    kept.push(hit);
  }
  return { hits: kept, counts, numbers: undefined, submitted: { seeds: [], seedHits: held } };
}
