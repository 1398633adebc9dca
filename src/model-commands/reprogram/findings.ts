import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import type { OnProgress } from '../../core/progress.ts';
import { answerOf, NO_ANSWER } from '../../objectives/class-answer.ts';
import { argmax } from '../../objectives/output-difference.ts';
import { programValues } from '../../reprogram/program.ts';
import { withProgram } from '../../reprogram/program-oracle.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import { recordMistakes } from '../contest-findings.ts';
import type { PreparedProgram, TestedProgram } from './prepare.ts';

/** Test inputs of a program that become findings, those that it turns by the largest margin. */
const MAX_TURNED = 10;

/**
 * Writes a campaign's folder with findings `universal-<class>`: for each program the test inputs that it turns by the largest margin.
 *
 * @returns the number of findings that were confirmed, and how they obey the threat model, if there is one
 */
export function recordTurned(
  session: ModelSession,
  settings: { readonly config: CampaignConfig; readonly overwrite: boolean },
  programs: readonly TestedProgram[],
  { test, testLabels, position, placement, rule, descriptor }: PreparedProgram,
  notices: Notices,
  onProgress: OnProgress,
): ReturnType<typeof recordMistakes> {
  const inputs = test.map((data, index) => ({ index, data, label: testLabels[index] }));
  const results = programs.map(({ to, trained, logits }) => {
    const values = programValues(trained.weights, placement);
    const turned = new Set(turnedBy(logits, testLabels, to));
    return {
      attack: { spec: `${to}`, name: `${to}` },
      outcomes: inputs.map(({ data, label, index }) => {
        if (!turned.has(index)) return { data, answer: NO_ANSWER, queries: 0 };
        const changed = withProgram(data, position, values, placement);
        const answer = answerOf(logits[index], label, 'max-logit', false);
        return { data: changed, answer, queries: trained.queries };
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
      specOf: (name) => (name === 'clean' ? 'universal' : `universal:name=${name}`),
    },
    notices,
    onProgress,
  );
}

/** Numbers of the inputs of other classes that get a class, those with the largest margin. */
function turnedBy(logits: readonly Float64Array[], labels: readonly number[], to: number): number[] {
  const marginOf = (i: number): number => logits[i][to] - Math.max(...logits[i].filter((_, k) => k !== to));
  return logits
    .flatMap((row, i) => (labels[i] !== to && argmax(row) === to ? [i] : []))
    .sort((a, b) => marginOf(b) - marginOf(a) || a - b)
    .slice(0, MAX_TURNED);
}
