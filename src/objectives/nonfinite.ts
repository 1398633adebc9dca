import { formatExactly } from '../core/format-number.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import { areFinite } from '../tensor/reductions.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import { elementName } from './element-name.ts';
import { absorbedSignature, type Objective, type ObjectiveKind, slug, type Violation } from './objective.ts';

type NonfiniteKind = 'nan' | 'inf';

/**
 * Operations that make an infinity at the edge of where they make a NaN, or of zero by zero: where no output shows either,
 * the NaN is absorbed as the infinity beside it is.
 */
const POLE_OPS: ReadonlySet<string> = new Set([
  'Atanh',
  'Div',
  'Inv',
  'Log',
  'Log1p',
  'Pow',
  'RealDiv',
  'Reciprocal',
  'ReduceLogSum',
  'Rsqrt',
]);

const KIND_WORDS: Readonly<Record<NonfiniteKind, string>> = { nan: 'NaN', inf: 'an infinity' };

const INNER = {
  help: 'infinities of watched inner tensors that count: `unmasked` ignores the −∞ of masks that a softmax or a maximum reads, `any` ignores none',
  legal: ['unmasked', 'any'],
} as const;

const ABSORBED = {
  help: 'whether an infinity counts if later operations absorb it, so that all outputs are finite: `on` or `off`',
  legal: ['on', 'off'],
} as const;

/**
 * A NaN or an infinity in any output, in any watched tensor or in what a numerical site makes, but −∞ in an inner tensor
 * where it is a mask. The violation names the first such tensor, watched tensors before outputs, because they lie upstream
 * of the outputs; what a site makes counts where all else is finite. A NaN takes precedence over an infinity in the same
 * tensor. The fault is the first operation that produces it from finite operands; an infinity that comes to no output has
 * a signature of its own.
 */
export const nonfinite: ObjectiveKind = {
  name: 'nonfinite',
  help: 'NaN or infinity in an output, a watched tensor or the result of a numerical site',
  parameters: [],
  words: { inner: INNER, absorbed: ABSORBED },
  make: (_values, { words }) => makeNonfinite(words.inner !== 'any', words.absorbed !== 'off'),
};

/**
 * @param exemptsMasks whether −∞ in an inner tensor is none where it is a mask
 * @param countsAbsorbed whether infinities count that come to no output
 */
function makeNonfinite(exemptsMasks: boolean, countsAbsorbed: boolean): Objective {
  return {
    name: 'nonfinite',
    judgesSites: true,
    judge(result, report) {
      const { isMaskOnly = () => false, siteTensors = [], activations, outputs } = result;
      const outputNames = new Set(outputs.map(({ name }) => name));
      const affectedOf = (tensors: readonly BatchTensor[]): AffectedTensor[] =>
        distinctFloatTensors(tensors)
          .filter(holdsNonFinite)
          .map((tensor) => ({
            tensor,
            isOutput: outputNames.has(tensor.name),
            ignoresMasks: exemptsMasks && isMaskOnly(tensor.name),
          }));
      const affected = affectedOf([...activations, ...outputs]);
      const broken = affected.filter(({ isOutput }) => isOutput);
      const innerAffected = [...affected.filter(({ isOutput }) => !isOutput), ...affectedOf(siteTensors)];
      if (affected.length === 0 && innerAffected.length === 0) return;
      for (let row = 0; row < result.rows; row++) {
        const violation =
          findNonfinite(broken, row, false) === undefined
            ? findNonfinite(innerAffected, row, true, countsAbsorbed)
            : findNonfinite(affected, row, false);
        if (violation !== undefined) report(row, violation);
      }
    },
    attribute: (violation, { node, tensor, kind, absorption }) => {
      const { outputsFinite } = violation.details;
      const absorber = absorption?.absorber;
      const details = {
        ...violation.details,
        ...(absorber === undefined ? {} : { absorbedBy: describeOperation(absorber.op, absorber.name) }),
        origin: { operation: node.name, kind: node.op, tensor },
      };
      return {
        ...violation,
        signature: signatureOf(
          kind,
          node.name,
          countsAbsorbed && outputsFinite === true && (kind === 'inf' || POLE_OPS.has(node.op)),
        ),
        symptom: violation.signature,
        summary: `${describeOperation(node.op, node.name)} gives ${KIND_WORDS[kind]}; it ${describeReach(details)}`,
        details,
      };
    },
    explain: (violation, { operation, kind, result, operands }) => {
      const values = operands.flatMap(({ value }) => (value === undefined ? [] : [formatExactly(value)]));
      return {
        ...violation,
        summary: `${describeCall(kind, operation, values)} gives ${result}; it ${describeReach(violation.details)}`,
      };
    },
  };
}

/** The signature of a value that is placed at an operation or a tensor. */
function signatureOf(kind: NonfiniteKind, place: string, isAbsorbed: boolean): string {
  return isAbsorbed ? absorbedSignature(kind, slug(place)) : `nonfinite-${kind}-${slug(place)}`;
}

/** The element in which the value was found, and the number of values in its row that are not finite. */
function describeElement({ tensor, index, nonFinite, size, element }: Violation['details']): string {
  const where = String(element ?? elementName(String(tensor), Number(size), Number(index)));
  return Number(nonFinite) > 1 ? `${where} (${nonFinite} of ${size} values are not finite)` : where;
}

/** The element in which the value was found, and whether that is an output, or the outputs are finite. */
function describeLocation(details: Violation['details']): string {
  if (details.isOutput === true) return `output ${describeElement(details)}`;
  const outputs = details.outputsFinite === true ? 'all outputs are finite' : 'an output is not finite';
  return `${describeElement(details)}; ${outputs}`;
}

/**
 * Where the value of an operation is found: `reaches output loss`; `reaches layer[3], but no output`, with the operation that absorbs
 * it.
 */
function describeReach(details: Violation['details']): string {
  const { isOutput, outputsFinite, absorbedBy } = details;
  if (isOutput === true) return `reaches ${describeLocation(details)}`;
  if (outputsFinite !== true) return `reaches ${describeElement(details)} and an output`;
  const by = absorbedBy === undefined ? '' : `: ${absorbedBy} absorbs it`;
  return `reaches ${describeElement(details)}, but no output${by}`;
}

/** An operation for messages: its type, and its name unless that is the same. */
function describeOperation(op: string, name: string): string {
  return name.toLowerCase() === op.toLowerCase() ? op : `${op} ${name}`;
}

/** An operation with the operands that it was given: `Log(0)`, `Div Div_3(0.8, 0)`. */
function describeCall(op: string, name: string, values: readonly string[]): string {
  return `${describeOperation(op, name)}${values.length === 0 ? '' : `(${values.join(', ')})`}`;
}

function distinctFloatTensors(tensors: readonly BatchTensor[]): BatchTensor[] {
  const byName = new Map<string, BatchTensor>();
  for (const tensor of tensors) {
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
  readonly isOutput: boolean;
  /** Whether its −∞ are masks. */
  readonly ignoresMasks: boolean;
}

/**
 * The violation of a row in the first of these tensors that has one.
 *
 * @param outputsFinite whether all outputs of the row are finite
 * @param countsInfinities whether an infinity is a violation as a NaN is
 */
function findNonfinite(
  tensors: readonly AffectedTensor[],
  row: number,
  outputsFinite: boolean,
  countsInfinities = true,
): Violation | undefined {
  for (const { tensor, isOutput, ignoresMasks } of tensors) {
    let kind: NonfiniteKind | undefined;
    let index = -1;
    let count = 0;
    for (let i = 0; i < tensor.size; i++) {
      const value = readNumber(tensor.type, tensor.data, row * tensor.size + i);
      if (Number.isFinite(value) || (ignoresMasks && value === Number.NEGATIVE_INFINITY)) continue;
      if (!countsInfinities && !Number.isNaN(value)) continue;
      count++;
      if (index < 0 || (kind === 'inf' && Number.isNaN(value))) {
        index = i;
        kind = Number.isNaN(value) ? 'nan' : 'inf';
      }
    }
    if (kind === undefined) continue;
    const { name, size, classes } = tensor;
    const element = classes === undefined ? {} : { element: elementName(name, size, index, classes) };
    const details = {
      kind,
      tensor: name,
      index,
      nonFinite: count,
      size,
      ...element,
      isOutput,
      outputsFinite,
    };
    return {
      objective: 'nonfinite',
      signature: signatureOf(kind, name, outputsFinite && kind === 'inf'),
      summary: `${KIND_WORDS[kind]} in ${describeLocation(details)}`,
      tensors: [tensor.name],
      details,
    };
  }
  return undefined;
}
