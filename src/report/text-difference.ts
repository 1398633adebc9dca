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
  const edits = cleanupSemantic(makeDiff(from, to));
  return edits.map(([operation, text], i): TextPiece => {
    if (operation === DIFF_DELETE) return { kind: 'deleted', text };
    if (operation === DIFF_INSERT) return { kind: 'inserted', text };
    return { kind: 'same', text: shortenContext(text, i > 0, i < edits.length - 1) };
  });
}

/** Leaves out the middle of a text, or the part that is far from the only edit beside it. */
function shortenContext(text: string, hasEditBefore: boolean, hasEditBehind: boolean): string {
  if (text.length <= 2 * CONTEXT) return text;
  const head = hasEditBefore || !hasEditBehind ? text.slice(0, CONTEXT) : '';
  const tail = hasEditBehind || !hasEditBefore ? text.slice(-CONTEXT) : '';
  return `${head}…${tail}`;
}
