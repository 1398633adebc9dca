import type { TokenDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from '../numeric/count-parameter.ts';
import { makeTokenMutator } from './body.ts';

const MOST = makeCountParameter('tokens', 4);

/** Tries to find a token that can be spelt otherwise. */
const MAX_TRIES = 16;

/**
 * A mutator of text that spells tokens otherwise: by other tokens of the vocabulary whose text comes from theirs.
 *
 * @param spellings other ways to write a token's text; those that are no token are passed over
 */
export function makeSpellingMutator(
  kind: Pick<MutatorKind, 'name' | 'help' | 'source'>,
  spellings: (text: string) => readonly string[],
): MutatorKind {
  return makeTokenMutator(
    { ...kind, domains: ['text'], parameters: [MOST] },
    undefined,
    (value, { tokens }) => {
      const most = value(MOST);
      const othersOf = makeRespellings(tokens, spellings);
      return (body, { context: { random } }) => {
        const count = drawCount(most, random);
        for (let n = 0, tries = 0; n < count && tries < MAX_TRIES * count; tries++) {
          const i = random.below(body.length);
          const others = othersOf(body.ids[i]);
          if (others.length === 0) continue;
          body.ids[i] = others[random.below(others.length)];
          n++;
        }
      };
    },
  );
}

const NO_IDS: readonly number[] = [];

/** The other ids that each id may become, worked out when it is first met. */
function makeRespellings(
  tokens: TokenDescriptor | undefined,
  spellings: (text: string) => readonly string[],
): (id: number) => readonly number[] {
  const vocabulary = tokens?.vocabulary ?? [];
  const special = new Set(tokens?.special);
  const ids = new Map<string, number>();
  vocabulary.forEach((text, id) => {
    if (text !== null && !special.has(id) && !ids.has(text)) ids.set(text, id);
  });
  const known = new Map<number, readonly number[]>();
  return (id) => {
    let others = known.get(id);
    if (others === undefined) {
      const text = vocabulary[id];
      const found = text === null || text === undefined ? [] : spellings(text);
      others = found.flatMap((one) => {
        const other = ids.get(one);
        return other === undefined || other === id ? NO_IDS : [other];
      });
      known.set(id, others);
    }
    return others;
  };
}

/** Every text that differs from another in one letter, by a table of what letters may become. */
export function replaceOneLetter(text: string, table: ReadonlyMap<string, string>): string[] {
  const letters = [...text];
  return letters.flatMap((letter, i) =>
    [...(table.get(letter) ?? '')].map((other) =>
      [...letters.slice(0, i), other, ...letters.slice(i + 1)].join(''),
    ),
  );
}
