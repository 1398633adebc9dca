import type { AttackContext, AttackedInput } from '../attacks/attack.ts';
import type { ImageFormat } from '../inputs/image.ts';
import { type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { type ClassAnswer, isConfidentError } from '../objectives/class-answer.ts';
import type { AttackResult } from './contest-attacks.ts';

/** Confident mistakes that are shown. */
const SHOWN_MISTAKES = 9;

/** A confident mistake, for people to look at. */
export interface ConfidentMistake {
  readonly attack: string;
  readonly seed: TestcaseData;
  /** The class that the seed shows. */
  readonly label: number;
  readonly data: TestcaseData;
  readonly answer: ClassAnswer;
  /** The input that is a picture; undefined where none is. */
  readonly picture: { readonly input: number; readonly imageFormat: ImageFormat } | undefined;
}

/**
 * The first confident mistakes, of one attack after the other by turns. An input that is wrong without a change is one of `clean`
 * alone.
 */
export function firstMistakes(
  results: readonly AttackResult[],
  inputs: readonly AttackedInput[],
  { descriptor, position }: AttackContext,
  threshold: number,
): ConfidentMistake[] {
  const found = results.map(({ attack, outcomes }) =>
    inputs.flatMap(({ data: seed, label }, i): ConfidentMistake[] => {
      const { data, answer } = outcomes[i];
      if (
        !isConfidentError(answer, threshold) ||
        (attack.spec !== 'clean' && testcaseId(data) === testcaseId(seed))
      )
        return [];
      const picture = descriptor.picture && { input: position, imageFormat: descriptor.picture };
      return [{ attack: attack.spec, seed, label, data, answer, picture }];
    }),
  );
  const rounds = Math.max(0, ...found.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) =>
    found.flatMap((mistakes) => mistakes.slice(round, round + 1)),
  )
    .flat()
    .slice(0, SHOWN_MISTAKES);
}
