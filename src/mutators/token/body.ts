import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import type { DefaultedParameter, ParameterValues } from '../../extensions/parameters.ts';
import type { InputDescriptor, TokenDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutationContext, Mutator, MutatorKind } from '../mutator.ts';

/** The tokens of a testcase that may change, in their order: special ones stay where they are. */
export interface TokenBody {
  readonly ids: Float64Array;
  length: number;
}

/** What an edit is given beside the body. */
export interface EditContext {
  readonly context: MutationContext;
  /** Tokens that have to be added, or taken away where it is below zero; 0 where the length stays. */
  readonly growth: number;
  readonly tokens: TokenDescriptor;
  /** Draws any token that may stand at a place. */
  draw(): number;
}

/** Changes a body in place. What is too long is cut; what is too short goes on with its last token. */
export type TokenEdit = (body: TokenBody, editing: EditContext) => void;

/** How much longer an edit may make a testcase at once. */
const MAX_GROWTH = 8;

/** Draws of an id before a special one is taken as it comes. */
const MAX_DRAWS = 16;

/** Which way an edit changes lengths, where the model leaves them open. */
export type LengthChange = 'longer' | 'shorter' | 'either' | undefined;

/** A mutator of token ids, told by what it does to those that may change. */
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
  const editing = { context: undefined as unknown as MutationContext, growth: 0, tokens, draw: () => 0 };
  editing.draw = () => {
    const { bounds, random } = editing.context;
    let id = 0;
    for (let n = 0; n < MAX_DRAWS; n++) {
      id = bounds.low[0] + Math.floor((bounds.high[0] - bounds.low[0] + 1) * random.uniform());
      if (!special.has(id) && tokens.vocabulary?.[id] !== null) break;
    }
    return special.has(id) ? body.ids[0] : id;
  };
  /** Writes the tokens, and behind them what holds none: as many as the edit left, as far as there is room. */
  const padded = (out: WorkingArray, offset: number, length: number, parent: WorkingArray): void => {
    const { pad = 0 } = tokens;
    let fixed = 0;
    for (let i = 0; i < parent.length; i++) if (parent[i] !== pad && special.has(parent[i])) fixed++;
    const least = Math.min(tokens.length[0], length) - fixed;
    while (body.length < least) body.ids[body.length++] = editing.draw();
    // What is nearest to the end matters most.
    let next = Math.max(0, body.length - (length - fixed));
    let at = offset;
    const seen = { specials: 0, left: body.length - next };
    for (let i = 0; i < parent.length && seen.specials < fixed; i++) {
      if (parent[i] === pad) continue;
      if (special.has(parent[i])) {
        out[at++] = parent[i];
        seen.specials++;
      } else if (seen.left > 0) {
        out[at++] = body.ids[next++];
        seen.left--;
      }
    }
    while (seen.left-- > 0) out[at++] = body.ids[next++];
    while (at < offset + length) out[at++] = pad;
  };
  return {
    mutate(out, offset, parent, context) {
      const length = context.shape.reduce((product, side) => product * side, 1);
      editing.context = context;
      editing.growth = length - parent.length;
      body.length = 0;
      let last = -1;
      for (let i = 0; i < parent.length; i++) {
        if (special.has(parent[i])) continue;
        body.ids[body.length++] = parent[i];
        last = i;
      }
      if (tokens.pad !== undefined) {
        if (body.length > 0) edit(body, editing);
        padded(out, offset, length, parent);
        return;
      }
      const wanted = body.length + editing.growth;
      if (body.length > 0) edit(body, editing);
      for (let i = body.length; i < wanted; i++) body.ids[i] = i > 0 ? body.ids[i - 1] : editing.draw();
      let next = 0;
      let at = offset;
      for (let i = 0; i < parent.length; i++) {
        if (special.has(parent[i])) out[at++] = parent[i];
        else if (next < wanted) out[at++] = body.ids[next++];
        // What is added comes before the special tokens that end the sequence.
        if (i === last) while (next < wanted) out[at++] = body.ids[next++];
      }
    },
    lengthOf(parent, least, most, random) {
      if (resizes === undefined) return parent.length;
      let changeable = 0;
      for (let i = 0; i < parent.length; i++) if (!special.has(parent[i])) changeable++;
      if (changeable === 0) return parent.length;
      const step = 1 + random.below(MAX_GROWTH);
      const isLonger = resizes === 'longer' || (resizes === 'either' && random.uniform() < 0.5);
      if (isLonger) return Math.max(parent.length, Math.min(most, parent.length + step));
      // One token that may change has to stay.
      return Math.min(parent.length, Math.max(least, parent.length - step, parent.length - changeable + 1));
    },
  };
}

/** Opens a gap of `count` tokens at a place, to be filled; what is pushed beyond the room is lost. */
export function openGap(body: TokenBody, at: number, count: number): void {
  const most = Math.min(body.ids.length, body.length + count);
  body.ids.copyWithin(at + count, at, most - count);
  body.length = most;
}

/** Takes `count` tokens away at a place. */
export function closeGap(body: TokenBody, at: number, count: number): void {
  body.ids.copyWithin(at, at + count, body.length);
  body.length = Math.max(0, body.length - count);
}

/** How many tokens an edit adds: those that it has to, or a few. */
export function drawInsertCount(growth: number, random: Random): number {
  return growth > 0 ? growth : 1 + random.below(3);
}
