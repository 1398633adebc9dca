import type { WorkingArray } from '../../constraints/bounds.ts';
import type { ParameterValues } from '../../extensions/parameters.ts';
import type { InputDescriptor, StringDescriptor } from '../../inputs/input-descriptor.ts';
import type { MutationContext, MutatorKind } from '../mutator.ts';
import { drawCount, makeCountParameter } from '../numeric/count-parameter.ts';
import type { TokenBody } from '../token/body.ts';

const MOST = makeCountParameter('strings', 4);

/** The arguments of an edit beside the string. */
export interface StringEditContext {
  readonly context: MutationContext;
  readonly strings: StringDescriptor;
  /** Index of the string's first code point in a row. */
  readonly from: number;
  /** Most code points of a string. */
  readonly width: number;
}

/** Changes a string in place: its code points, of which those beyond the width are lost. */
export type StringEdit = (body: TokenBody, editing: StringEditContext) => void;

/**
 * A mutator of strings that edits one string of a row, or a few.
 *
 * @param edit makes the edit for an input
 */
export function makeStringMutator(
  kind: Pick<MutatorKind, 'name' | 'help' | 'source' | 'cost'> &
    Partial<Pick<MutatorKind, 'mayChangeMeaning' | 'partner'>>,
  edit: (value: ParameterValues, strings: StringDescriptor) => StringEdit,
): MutatorKind {
  return {
    ...kind,
    domains: ['strings'],
    parameters: [MOST],
    staysInBounds: true,
    make(value, input) {
      const strings = stringsOf(input);
      const most = value(MOST);
      const apply = edit(value, strings);
      const body: TokenBody = { ids: new Float64Array(2 * strings.width + MAX_GROWTH), length: 0 };
      const editing: { -readonly [K in keyof StringEditContext]?: StringEditContext[K] } = { strings };
      return {
        mutate(out, offset, parent, context) {
          out.set(parent, offset);
          const width = context.shape[context.shape.length - 1];
          const rows = width === 0 ? 0 : parent.length / width;
          if (rows === 0) return;
          editing.context = context;
          editing.width = width;
          const isSingle = context.random.below(2) === 0;
          const count = isSingle ? 1 : Math.min(rows, drawCount(most, context.random));
          for (let n = 0; n < count; n++) {
            const from = context.random.below(rows) * width;
            editing.from = from;
            readString(body, out, offset + from, width);
            apply(body, editing as StringEditContext);
            writeString(body, out, offset + from, width);
          }
        },
      };
    },
  };
}

/** Code points by which an edit may exceed the width before the string is cut. */
const MAX_GROWTH = 1024;

/** @throws Error for an input that takes no strings */
export function stringsOf({ name, strings }: InputDescriptor): StringDescriptor {
  if (strings === undefined) throw new Error(`input ${name} takes no strings`);
  return strings;
}

/** Reads the string at an index of a row, without its padding. */
export function readString(body: TokenBody, values: WorkingArray, from: number, width: number): void {
  let to = from + width;
  while (to > from && values[to - 1] === 0) to--;
  body.length = to - from;
  for (let i = from; i < to; i++) body.ids[i - from] = values[i];
}

function writeString({ ids, length }: TokenBody, out: WorkingArray, from: number, width: number): void {
  const kept = Math.min(length, width);
  for (let i = 0; i < width; i++) out[from + i] = i < kept ? ids[i] : 0;
}

/** Replaces a string by another one. */
export function setString(body: TokenBody, codePoints: ArrayLike<number>): void {
  body.length = Math.min(codePoints.length, body.ids.length);
  for (let i = 0; i < body.length; i++) body.ids[i] = codePoints[i];
}
