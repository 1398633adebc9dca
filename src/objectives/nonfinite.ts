import { formatNumber } from '../core/format-number.ts';
import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { areFinite } from '../tensor/reductions.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { elementName } from './element-name.ts';
import { type ObjectiveKind, slug, type Violation } from './objective.ts';

type NonfiniteKind = 'nan' | 'inf';

const KIND_WORDS: Readonly<Record<NonfiniteKind, string>> = { nan: 'NaN', inf: 'an infinity' };

const INNER = {
  help: 'which infinities of watched inner tensors count: `unmasked` leaves out the −∞ of masks that a softmax or a maximum reads, `any` leaves out none',
  legal: ['unmasked', 'any'],
} as const;

/**
 * A NaN or an infinity in any output or watched tensor, but −∞ in an inner tensor where it is a mask. The violation names the first such tensor, watched tensors
 * before outputs, because they lie upstream of the outputs; a NaN takes precedence over an infinity in the same tensor.
 * The fault is the first operation that produces it from finite operands.
 */
export const nonfinite: ObjectiveKind = {
  name: 'nonfinite',
  help: 'a NaN or an infinity in any output or watched tensor',
  parameters: [],
  words: { inner: INNER },
  make: (_values, { words: { inner = 'unmasked' } }) => ({
    name: 'nonfinite',
    judge(result, report) {
      const { isMaskOnly = () => false } = result;
      const affected = distinctFloatTensors(result)
        .filter(holdsNonFinite)
        .map((tensor) => ({ tensor, ignoresMasks: inner === 'unmasked' && isMaskOnly(tensor.name) }));
      if (affected.length === 0) return;
      for (let row = 0; row < result.rows; row++) {
        const violation = findNonfinite(affected, row);
        if (violation !== undefined) report(row, violation);
      }
    },
    attribute: (violation, { node, tensor, kind }) => ({
      ...violation,
      signature: `nonfinite-${kind}-${slug(node.name)}`,
      symptom: violation.signature,
      summary: `${KIND_WORDS[kind]} from ${describeOperation(node.op, node.name)}, seen in ${describeLocation(violation.details)}`,
      details: { ...violation.details, origin: { operation: node.name, kind: node.op, tensor } },
    }),
    explain: (violation, { operation, kind, result, operands }) => {
      const values = operands.flatMap(({ value }) => (value === undefined ? [] : [formatNumber(value)]));
      const of = values.length === 0 ? '' : ` of ${values.join(' and ')}`;
      return {
        ...violation,
        summary: `${describeOperation(kind, operation)} makes ${result}${of}, seen in ${describeLocation(violation.details)}`,
      };
    },
  }),
};

/** The element in which the value was found and the number of non-finite values in its row. */
function describeLocation({ tensor, index, nonFinite, size, element }: Violation['details']): string {
  const where = String(element ?? elementName(String(tensor), Number(size), Number(index)));
  return Number(nonFinite) > 1 ? `${where}; ${nonFinite} of its ${size} values are not finite` : where;
}

/** An operation for messages: its type, and its name unless that is the same. */
function describeOperation(op: string, name: string): string {
  return name.toLowerCase() === op.toLowerCase() ? op : `${op} ${name}`;
}

function distinctFloatTensors(result: BatchResult): BatchTensor[] {
  const byName = new Map<string, BatchTensor>();
  for (const tensor of [...result.activations, ...result.outputs]) {
    if (DTYPES[tensor.type].kind === 'float' && !byName.has(tensor.name)) byName.set(tensor.name, tensor);
  }
  return [...byName.values()];
}

function holdsNonFinite(tensor: BatchTensor): boolean {
  const { data } = tensor;
  if (data instanceof Uint16Array) return data.some((half) => (half & 0x7c00) === 0x7c00);
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return false;
  return !areFinite(data);
}

/** A tensor with values that are not finite. */
interface AffectedTensor {
  readonly tensor: BatchTensor;
  /** Whether its −∞ are masks. */
  readonly ignoresMasks: boolean;
}

function findNonfinite(tensors: readonly AffectedTensor[], row: number): Violation | undefined {
  for (const { tensor, ignoresMasks } of tensors) {
    let kind: NonfiniteKind | undefined;
    let index = -1;
    let count = 0;
    for (let i = 0; i < tensor.size; i++) {
      const value = readNumber(tensor.type, tensor.data, row * tensor.size + i);
      if (Number.isFinite(value) || (ignoresMasks && value === Number.NEGATIVE_INFINITY)) continue;
      count++;
      if (index < 0 || (kind === 'inf' && Number.isNaN(value))) {
        index = i;
        kind = Number.isNaN(value) ? 'nan' : 'inf';
      }
    }
    if (kind === undefined) continue;
    const { name, size, classes } = tensor;
    const element = classes === undefined ? {} : { element: elementName(name, size, index, classes) };
    const details = { kind, tensor: name, index, nonFinite: count, size, ...element };
    return {
      objective: 'nonfinite',
      signature: `nonfinite-${kind}-${slug(tensor.name)}`,
      summary: `${KIND_WORDS[kind]} in ${describeLocation(details)}`,
      tensors: [tensor.name],
      details,
    };
  }
  return undefined;
}
