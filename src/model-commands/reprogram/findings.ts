import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import type { OnProgress } from '../../core/progress.ts';
import { type ClassAnswer, NO_ANSWER } from '../../objectives/class-answer.ts';
import { argmax } from '../../objectives/output-difference.ts';
import { counts, goalName, isReached, type UniversalGoal } from '../../reprogram/goal.ts';
import { programValues } from '../../reprogram/program.ts';
import { withProgram } from '../../reprogram/program-oracle.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { recordMistakes } from '../contest-findings.ts';
import { type PreparedProgram, type SeededConfig, testOffsets } from './prepare.ts';
import type { TestedProgram } from './training.ts';

/** Test inputs of a program that become findings, those that it turns by the largest margin. */
const MAX_TURNED = 10;

/**
 * Writes a campaign's folder with findings `universal-<class>`: for each program the test inputs that it turns by the largest margin.
 *
 * @returns the number of findings that were confirmed, and how they obey the threat model, if there is one
 */
export function recordTurned(
  session: ModelSession,
  settings: { readonly config: SeededConfig & CampaignConfig; readonly overwrite: boolean },
  programs: readonly TestedProgram<UniversalGoal>[],
  { test, testLabels, position, rule, descriptor }: PreparedProgram,
  notices: Notices,
  onProgress: OnProgress,
): ReturnType<typeof recordMistakes> {
  const inputs = test.map((data, index) => ({ index, data, label: testLabels[index] }));
  const specs = new Map(programs.map(({ goal }) => [goalName(goal), specOfGoal(goal)]));
  const results = programs.map(({ goal, trained, placement, logits, queries }) => {
    const values = programValues(trained.weights, placement);
    const turned = new Set(turnedBy(goal, logits, testLabels));
    const offsets = testOffsets(placement, test, settings.config.seed);
    return {
      attack: { spec: goalName(goal), name: goalName(goal) },
      outcomes: inputs.map(({ data, index }) => {
        if (!turned.has(index)) return { data, answer: NO_ANSWER, queries: 0 };
        const changed = withProgram(data, position, values, placement, { offset: offsets[index] });
        return { data: changed, answer: turnedAnswer(logits[index]), queries };
      }),
    };
  });
  // A campaign has an objective also where nothing violates it.
  const unchanged = {
    attack: { spec: 'clean', name: 'clean' },
    outcomes: inputs.map(({ data }) => ({ data, answer: NO_ANSWER, queries: 0 })),
  };
  return recordMistakes(
    session,
    settings,
    {
      results: results.length === 0 ? [unchanged] : results,
      inputs,
      threshold: Number.NEGATIVE_INFINITY,
      rule,
      input: descriptor.name,
      specOf: (name) => specs.get(name) ?? 'universal',
    },
    notices,
    onProgress,
  );
}

/** The objective that a turned input violates. */
function specOfGoal(goal: UniversalGoal): string {
  const name = goalName(goal);
  return goal.kind === 'class'
    ? `universal:name=${name},to=${goal.target}`
    : `universal:name=${name},below=${goal.below}`;
}

/** What a program leads to, which counts as a mistake whatever the class. */
function turnedAnswer(logits: Float64Array): ClassAnswer {
  const predicted = argmax(logits);
  return { predicted, isWrong: true, confidence: logits[predicted], gap: Number.POSITIVE_INFINITY };
}

/** Numbers of the inputs that count for a goal and reach it, those with the largest margin. */
function turnedBy(goal: UniversalGoal, logits: readonly Float64Array[], labels: readonly number[]): number[] {
  const marginOf = (i: number): number =>
    goal.kind === 'class'
      ? logits[i][goal.target] - Math.max(...logits[i].filter((_, k) => k !== goal.target))
      : Math.min(...logits[i]) - Math.max(...logits[i]);
  return labels
    .flatMap((label, i) => (counts(goal, label) && isReached(goal, logits[i]) ? [i] : []))
    .sort((a, b) => marginOf(b) - marginOf(a) || a - b)
    .slice(0, MAX_TURNED);
}
