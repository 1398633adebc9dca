import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import type { DefaultedParameter, ParameterValues } from '../../extensions/parameters.ts';
import type { InputDescriptor, TokenDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutationContext, Mutator, MutatorKind } from '../mutator.ts';

/** The tokens of a testcase without its special ones, which edits leave in place. */
export interface TokenBody {
  readonly ids: Float64Array;
  length: number;
}

/** The arguments of an edit beside the body. */
export interface EditContext {
  readonly context: MutationContext;
  /** Number of tokens to add; below 0, to remove. */
  readonly growth: number;
  readonly tokens: TokenDescriptor;
  /** Draws a legal token that is not special. */
  draw(): number;
}

/** Changes a body in place. If its length is wrong afterwards, it is cut, or its last token is repeated. */
export type TokenEdit = (body: TokenBody, editing: EditContext) => void;

/** Maximum number of tokens by which one edit changes the length. */
const MAX_GROWTH = 8;

/** Attempts to draw an id that is not special. */
const MAX_DRAWS = 16;

/** Direction in which an edit changes the length of inputs of variable length; undefined if it keeps it. */
export type LengthChange = 'longer' | 'shorter' | 'either' | undefined;

/** A mutator of token ids, defined by its edit of a body. */
export function makeTokenMutator(
  kind: Omit<MutatorKind, 'make' | 'domains' | 'staysInBounds' | 'parameters' | 'cost'> &
    Partial<Pick<MutatorKind, 'domains'>> & { readonly parameters?: readonly DefaultedParameter[] },
  resizes: LengthChange,
  edit: (value: ParameterValues, input: InputDescriptor) => TokenEdit,
): MutatorKind {
  return {
    domains: ['tokens'],
    parameters: [],
    ...kind,
    staysInBounds: true,
    cost: 2,
    make: (value, input) => makeEditMutator(input, resizes, edit(value, input)),
  };
}

function makeEditMutator(input: InputDescriptor, resizes: LengthChange, edit: TokenEdit): Mutator {
  const { tokens, size } = input;
  if (tokens === undefined) throw new Error(`input ${input.name} takes no tokens`);
  const special = new Set(tokens.special);
  const body: TokenBody = { ids: new Float64Array(2 * size + 1024), length: 0 };
  const editContextOf = makeEditContexts(tokens, special, body);
  return {
    mutate(out, offset, parent, context) {
      const length = context.shape.reduce((product, side) => product * side, 1);
      const editing = editContextOf(context, length - parent.length);
      body.length = 0;
      let last = -1;
      for (let i = 0; i < parent.length; i++) {
        if (special.has(parent[i])) continue;
        body.ids[body.length++] = parent[i];
        last = i;
      }
      if (tokens.pad !== undefined) {
        if (body.length > 0) edit(body, editing);
        writePadded(out, offset, length, parent, body, editing, special);
        return;
      }
      const bodyLength = body.length + editing.growth;
      if (body.length > 0) edit(body, editing);
      for (let i = body.length; i < bodyLength; i++) body.ids[i] = i > 0 ? body.ids[i - 1] : editing.draw();
      let next = 0;
      let at = offset;
      for (let i = 0; i < parent.length; i++) {
        if (special.has(parent[i])) out[at++] = parent[i];
        else if (next < bodyLength) out[at++] = body.ids[next++];
        // Added tokens go before the special tokens at the end of the sequence.
        if (i === last) while (next < bodyLength) out[at++] = body.ids[next++];
      }
    },
    lengthOf(parent, min, max, random) {
      if (resizes === undefined) return parent.length;
      let changeable = 0;
      for (let i = 0; i < parent.length; i++) if (!special.has(parent[i])) changeable++;
      if (changeable === 0) return parent.length;
      const step = 1 + random.below(MAX_GROWTH);
      const isLonger = resizes === 'longer' || (resizes === 'either' && random.uniform() < 0.5);
      if (isLonger) return Math.max(parent.length, Math.min(max, parent.length + step));
      // At least one token that is not special stays.
      return Math.min(parent.length, Math.max(min, parent.length - step, parent.length - changeable + 1));
    },
  };
}

/** The context of an edit, in one object that all calls share: mutants allocate nothing. */
function makeEditContexts(
  tokens: TokenDescriptor,
  special: ReadonlySet<number>,
  body: TokenBody,
): (context: MutationContext, growth: number) => EditContext {
  const draw = ({ bounds, random }: MutationContext): number => {
    let id = 0;
    for (let n = 0; n < MAX_DRAWS; n++) {
      id = bounds.low[0] + Math.floor((bounds.high[0] - bounds.low[0] + 1) * random.uniform());
      if (!special.has(id) && tokens.vocabulary?.[id] !== null) break;
    }
    return special.has(id) ? body.ids[0] : id;
  };
  let shared: { -readonly [K in keyof EditContext]: EditContext[K] } | undefined;
  return (context, growth) => {
    if (shared === undefined) {
      const editing = { context, growth, tokens, draw: () => draw(editing.context) };
      shared = editing;
    }
    shared.context = context;
    shared.growth = growth;
    return shared;
  };
}

/** Writes the body and the special tokens in their order, as far as they fit, and padding behind them. */
function writePadded(
  out: WorkingArray,
  offset: number,
  length: number,
  parent: WorkingArray,
  body: TokenBody,
  { tokens, draw }: EditContext,
  special: ReadonlySet<number>,
): void {
  const { pad = 0 } = tokens;
  let fixed = 0;
  for (let i = 0; i < parent.length; i++) if (parent[i] !== pad && special.has(parent[i])) fixed++;
  const least = Math.min(tokens.length[0], length) - fixed;
  while (body.length < least) body.ids[body.length++] = draw();
  // The end of the text determines the answer most: the beginning is cut.
  let next = Math.max(0, body.length - (length - fixed));
  let at = offset;
  let specials = 0;
  let left = body.length - next;
  for (let i = 0; i < parent.length && specials < fixed; i++) {
    if (parent[i] === pad) continue;
    if (special.has(parent[i])) {
      out[at++] = parent[i];
      specials++;
    } else if (left > 0) {
      out[at++] = body.ids[next++];
      left--;
    }
  }
  while (left-- > 0) out[at++] = body.ids[next++];
  while (at < offset + length) out[at++] = pad;
}

/** Opens a gap of `count` tokens at an index, for the caller to fill; tokens beyond the buffer are lost. */
export function openGap(body: TokenBody, at: number, count: number): void {
  const length = Math.min(body.ids.length, body.length + count);
  body.ids.copyWithin(at + count, at, length - count);
  body.length = length;
}

/** Removes `count` tokens at an index. */
export function closeGap(body: TokenBody, at: number, count: number): void {
  body.ids.copyWithin(at, at + count, body.length);
  body.length = Math.max(0, body.length - count);
}

/** Number of tokens that an edit inserts: `growth` if that is above 0, else one to three. */
export function drawInsertCount(growth: number, random: Random): number {
  return growth > 0 ? growth : 1 + random.below(3);
}
