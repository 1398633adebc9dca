/** One step from a sequence to another. */
export type EditStep =
  | { readonly kind: 'substitute'; readonly at: number; readonly id: number }
  | { readonly kind: 'delete'; readonly at: number }
  /** Before what stands at a place; several at one place keep their order. */
  | { readonly kind: 'insert'; readonly at: number; readonly id: number };

/** The fewest edits that make one sequence of tokens into another, in the order of their places. */
export function diffTokens(from: readonly number[], to: readonly number[]): EditStep[] {
  const width = to.length + 1;
  const costs = new Uint32Array((from.length + 1) * width);
  for (let j = 0; j <= to.length; j++) costs[j] = j;
  for (let i = 1; i <= from.length; i++) {
    costs[i * width] = i;
    for (let j = 1; j <= to.length; j++) {
      const same = costs[(i - 1) * width + j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      costs[i * width + j] = Math.min(same, costs[(i - 1) * width + j] + 1, costs[i * width + j - 1] + 1);
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
      edits.push({ kind: 'substitute', at: --i, id: to[--j] });
    } else if (i > 0 && cost === costs[(i - 1) * width + j] + 1) edits.push({ kind: 'delete', at: --i });
    else edits.push({ kind: 'insert', at: i, id: to[--j] });
  }
  return edits.reverse();
}

/** A sequence with some edits made, which are in the order of `editsFrom`. */
export function applyEdits(from: readonly number[], edits: readonly EditStep[]): number[] {
  const out: number[] = [];
  let next = 0;
  for (let i = 0; i <= from.length; i++) {
    let own: number | undefined = from[i];
    for (; next < edits.length && edits[next].at === i; next++) {
      const edit = edits[next];
      if (edit.kind === 'insert') out.push(edit.id);
      else own = edit.kind === 'substitute' ? edit.id : undefined;
    }
    if (own !== undefined) out.push(own);
  }
  return out;
}
