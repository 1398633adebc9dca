import { cleanupSemantic, DIFF_DELETE, DIFF_INSERT, makeDiff } from '@sanity/diff-match-patch';
import type { TextPiece } from './view-model.ts';

/** Characters of a text up to which it is compared; a longer one is shown without the edits. */
const MAX_COMPARED = 20_000;

/** Characters of an unchanged piece that are shown on each side of an edit. */
const CONTEXT = 400;

/** The edits that make one text of another, in pieces; undefined if the texts are too long. */
export function textDifference(from: string, to: string): TextPiece[] | undefined {
  if (from.length > MAX_COMPARED || to.length > MAX_COMPARED) return undefined;
  // Within a second; edits of texts that have little in common may be coarser then.
  const pairs = new SurrogatePairs(from + to);
  const edits = cleanupSemantic(makeDiff(pairs.encode(from), pairs.encode(to)));
  return edits.map(([operation, encoded], i): TextPiece => {
    const text = pairs.decode(encoded);
    if (operation === DIFF_DELETE) return { kind: 'deleted', text };
    if (operation === DIFF_INSERT) return { kind: 'inserted', text };
    return { kind: 'same', text: shortenContext(text, i > 0, i < edits.length - 1) };
  });
}

/** Code points that no text assigns a meaning to. */
const PRIVATE_USE = { first: 0xe000, last: 0xf8ff };

/**
 * Stands for characters of two code units by ones of a single unit, since edits are found unit by unit and would tear them apart.
 * Those beyond the number of free units stay as they are.
 */
class SurrogatePairs {
  readonly #units = new Map<string, string>();
  readonly #characters = new Map<string, string>();

  constructor(text: string) {
    let unit = PRIVATE_USE.first;
    for (const character of text) {
      if (character.length === 1 || this.#units.has(character)) continue;
      while (text.includes(String.fromCharCode(unit))) unit++;
      if (unit > PRIVATE_USE.last) return;
      const substitute = String.fromCharCode(unit++);
      this.#units.set(character, substitute);
      this.#characters.set(substitute, character);
    }
  }

  encode(text: string): string {
    return this.#units.size === 0 ? text : Array.from(text, (c) => this.#units.get(c) ?? c).join('');
  }

  decode(text: string): string {
    return this.#characters.size === 0
      ? text
      : Array.from(text, (c) => this.#characters.get(c) ?? c).join('');
  }
}

/** Leaves out the middle of a text, or the part that is far from the only edit beside it. */
function shortenContext(text: string, hasEditBefore: boolean, hasEditBehind: boolean): string {
  if (text.length <= 2 * CONTEXT) return text;
  const head = hasEditBefore || !hasEditBehind ? text.slice(0, CONTEXT) : '';
  const tail = hasEditBehind || !hasEditBefore ? text.slice(-CONTEXT) : '';
  return `${head}…${tail}`;
}
