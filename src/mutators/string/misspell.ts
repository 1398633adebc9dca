import type { Random } from '../../core/random.ts';
import { drawCount } from '../numeric/count-parameter.ts';
import { closeGap, openGap, type TokenBody } from '../token/body.ts';
import { makeStringMutator } from './string-mutator.ts';

/** Most characters that are changed in a string. */
const MAX_EDITS = 4;

/** Kinds of changes: another character, one more, one less, two exchanged, one doubled. */
const EDIT_KINDS = 5;

/** Changes single characters, as typing does: the string is no longer one that the model knows. */
export const misspell = makeStringMutator(
  {
    name: 'misspell',
    help: 'exchanges, adds, removes or doubles characters of a string',
    source: 'Damerau 1964; byte mutations of AFL (Zalewski, technical whitepaper), for characters',
    cost: 6,
  },
  (_, { alphabet }) =>
    (body, { context: { random } }) => {
      const count = random.below(2) === 0 ? 1 : drawCount(MAX_EDITS, random);
      for (let n = 0; n < count; n++) editCharacter(body, alphabet, random);
    },
);

function editCharacter(body: TokenBody, alphabet: readonly number[], random: Random): void {
  const { ids, length } = body;
  const character = alphabet[random.below(alphabet.length)];
  const kind = length === 0 ? 1 : random.below(EDIT_KINDS);
  if (kind === 1) {
    const at = random.below(length + 1);
    openGap(body, at, 1);
    ids[at] = character;
    return;
  }
  const at = random.below(length);
  if (kind === 0) ids[at] = character;
  else if (kind === 2) closeGap(body, at, 1);
  else if (kind === 3 && at + 1 < length) {
    const first = ids[at];
    ids[at] = ids[at + 1];
    ids[at + 1] = first;
  } else {
    openGap(body, at, 1);
    ids[at] = ids[at + 1];
  }
}
