/** One edit of a sequence; `index` refers to the original sequence. */
export type EditStep =
  | { readonly kind: 'substitute'; readonly index: number; readonly id: number }
  | { readonly kind: 'delete'; readonly index: number }
  /** Inserts before `index`; several insertions at the same index keep their order. */
  | { readonly kind: 'insert'; readonly index: number; readonly id: number };

/**
 * Computes a shortest edit script between two token sequences (Wagner and Fischer, JACM 21, 1974), in O(n · m) time and
 * memory.
 *
 * @returns the edits, by ascending index
 */
export function diffTokens(from: readonly number[], to: readonly number[]): EditStep[] {
  const width = to.length + 1;
  const costs = new Uint32Array((from.length + 1) * width);
  for (let j = 0; j <= to.length; j++) costs[j] = j;
  for (let i = 1; i <= from.length; i++) {
    costs[i * width] = i;
    for (let j = 1; j <= to.length; j++) {
      const substituted = costs[(i - 1) * width + j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      costs[i * width + j] = Math.min(
        substituted,
        costs[(i - 1) * width + j] + 1,
        costs[i * width + j - 1] + 1,
      );
    }
  }
  const edits: EditStep[] = [];
  let [i, j] = [from.length, to.length];
  while (i > 0 || j > 0) {
    const cost = costs[i * width + j];
    if (i > 0 && j > 0 && from[i - 1] === to[j - 1] && cost === costs[(i - 1) * width + j - 1]) {
      i--;
      j--;
    } else if (i > 0 && j > 0 && cost === costs[(i - 1) * width + j - 1] + 1) {
      edits.push({ kind: 'substitute', index: --i, id: to[--j] });
    } else if (i > 0 && cost === costs[(i - 1) * width + j] + 1) edits.push({ kind: 'delete', index: --i });
    else edits.push({ kind: 'insert', index: i, id: to[--j] });
  }
  return edits.reverse();
}

/** Applies some of the edits of `diffTokens`, which must be in ascending order. */
export function applyEdits(from: readonly number[], edits: readonly EditStep[]): number[] {
  const edited: number[] = [];
  let next = 0;
  for (let i = 0; i <= from.length; i++) {
    let token: number | undefined = from[i];
    for (; next < edits.length && edits[next].index === i; next++) {
      const edit = edits[next];
      if (edit.kind === 'insert') edited.push(edit.id);
      else token = edit.kind === 'substitute' ? edit.id : undefined;
    }
    if (token !== undefined) edited.push(token);
  }
  return edited;
}
