import type { TestcaseData } from '../inputs/testcase.ts';
import type { ClassAnswer } from '../objectives/class-answer.ts';
import type { AttackedInput, AttackOracle, AttackOutcome } from './attack.ts';

/** A search about one input: it yields candidates one by one and is sent their answers. */
export type Search = Generator<TestcaseData, AttackOutcome, ClassAnswer>;

/**
 * Runs a search about each input, all of them in step, so that their candidates share runs of the model.
 *
 * @param queries candidates of one search at most, for the share that is done
 * @returns an outcome for each input, in their order
 */
export async function runSearches(
  inputs: readonly AttackedInput[],
  start: (input: AttackedInput) => Search,
  queries: number,
  oracle: AttackOracle,
): Promise<readonly AttackOutcome[]> {
  const outcomes = new Array<AttackOutcome>(inputs.length);
  const searches = inputs.map((input, i) => {
    const search = start(input);
    return { i, label: input.label, search, next: search.next() };
  });
  for (let query = 1; ; query++) {
    const asked = [];
    for (const { i, label, search, next } of searches) {
      if (next.done === true) outcomes[i] = next.value;
      else asked.push({ i, label, search, data: next.value });
    }
    if (asked.length === 0) return outcomes;
    const answers = await oracle.ask(asked);
    asked.forEach(({ i, search }, k) => {
      searches[i].next = search.next(answers[k]);
    });
    oracle.onShare(Math.min(1, query / queries));
  }
}
