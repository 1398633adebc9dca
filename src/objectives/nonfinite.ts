import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { type ObjectiveKind, slug, type Violation } from './objective.ts';

type NonfiniteKind = 'nan' | 'inf';

const KIND_WORDS: Readonly<Record<NonfiniteKind, string>> = { nan: 'NaN', inf: 'an infinity' };

/**
 * A NaN or an infinity in any output or watched tensor. It is seen in the first such tensor, watched ones before
 * outputs, since what is watched lies before the outputs; a NaN outranks an infinity in the same tensor. The fault
 * is the first operation that makes it out of finite numbers.
 */
export const nonfinite: ObjectiveKind = {
  name: 'nonfinite',
  help: 'a NaN or an infinity in any output or watched tensor',
  parameters: [],
  make: () => ({
    name: 'nonfinite',
    judge(result, report) {
      const tensors = distinctFloatTensors(result);
      const suspects = tensors.filter(holdsNonFinite);
      if (suspects.length === 0) return;
      for (let row = 0; row < result.rows; row++) {
        const found = findNonfinite(suspects, row);
        if (found !== undefined) report(row, found);
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
      const given = operands
        .filter(({ value }) => value !== undefined)
        .map(({ value }) => formatShort(value ?? 0));
      const of = given.length === 0 ? '' : ` of ${given.join(' and ')}`;
      return {
        ...violation,
        summary: `${describeOperation(kind, operation)} makes ${result}${of}, seen in ${describeLocation(violation.details)}`,
      };
    },
  }),
};

/** The element that was seen, for people, and how many others are no better. */
function describeLocation({ tensor, index, nonFinite, size }: Violation['details']): string {
  const where = size === 1 ? tensor : `${tensor}[${index}]`;
  return Number(nonFinite) > 1 ? `${where}; ${nonFinite} of its ${size} values are not finite` : `${where}`;
}

/** An operation for people: its kind, and its name where that says more. */
function describeOperation(op: string, name: string): string {
  return name.toLowerCase() === op.toLowerCase() ? op : `${op} ${name}`;
}

function formatShort(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function distinctFloatTensors(result: BatchResult): BatchTensor[] {
  const byName = new Map<string, BatchTensor>();
  for (const tensor of [...result.activations, ...result.outputs]) {
    if (DTYPES[tensor.type].kind === 'float' && !byName.has(tensor.name)) byName.set(tensor.name, tensor);
  }
  return [...byName.values()];
}

// One pass over all values of a batch: v·0 is 0 for every finite v and NaN for all others.
function holdsNonFinite(tensor: BatchTensor): boolean {
  if (tensor.type === 'float16')
    return (tensor.data as Uint16Array).some((half) => (half & 0x7c00) === 0x7c00);
  const data = tensor.data as Float32Array | Float64Array;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i] * 0;
  return sum !== 0;
}

function findNonfinite(tensors: readonly BatchTensor[], row: number): Violation | undefined {
  for (const tensor of tensors) {
    let kind: NonfiniteKind | undefined;
    let index = -1;
    let count = 0;
    for (let i = 0; i < tensor.size; i++) {
      const value = readNumber(tensor.type, tensor.data, row * tensor.size + i);
      if (Number.isFinite(value)) continue;
      count++;
      if (index < 0 || (kind === 'inf' && Number.isNaN(value))) {
        index = i;
        kind = Number.isNaN(value) ? 'nan' : 'inf';
      }
    }
    if (kind === undefined) continue;
    const details = { kind, tensor: tensor.name, index, nonFinite: count, size: tensor.size };
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
