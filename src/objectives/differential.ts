import type { Parameter, ParameterValues } from '../extensions/parameters.ts';
import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import {
  instanceName,
  type Objective,
  type ObjectiveKind,
  slug,
  TWO_SIDED_MARGINS,
  type Violation,
} from './objective.ts';
import {
  argmax,
  cosineSimilarity,
  firstFinitenessMismatch,
  isDistribution,
  isInTop,
  klDivergence,
  RowReader,
  toLogit,
} from './output-difference.ts';

const TOP = {
  name: 'top',
  help: "another class: the reference's is not among so many of the copy's best",
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const ATOL = {
  name: 'atol',
  help: 'a difference above atol + rtol·|reference| at any value',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const RTOL = {
  name: 'rtol',
  help: 'the relative part of that',
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

const COSINE = {
  name: 'cosine',
  help: 'the least cosine of the angle between the two outputs',
  min: -1,
  max: 1,
} as const;

const KL = {
  name: 'kl',
  help: "the greatest Kullback-Leibler divergence of the copy's softmax from the reference's, in nats",
  min: 0,
  max: Number.POSITIVE_INFINITY,
} as const;

/** Bounds on the difference of two models that should agree. */
export const DISAGREEMENT_PARAMETERS: readonly Parameter[] = [TOP, ATOL, RTOL, COSINE, KL];

/** Classes that margins tell apart; more share them. */
const MAX_CLASSES = TWO_SIDED_MARGINS / 2;

/** What counts as rounding at least: half a unit in the last place of single precision. */
const ROUNDING = 2 ** -24;

/**
 * A tie of two classes is reached by narrowing the gap between them; how far the two models differ says when it is near
 * enough. The difference changes by chance from mutant to mutant, so that it has a small part in the margin: with the whole
 * of it the search keeps what happens to differ much and narrows no gap (70 digits of 100 where now all 40 tried part).
 */
const DIFFERENCE_WEIGHT = 0.1;

/** What the gap is counted in for the rest: a share of the values, of the order of rounding to half precision. */
const GAP_UNIT = 2 ** -14;

/** The margin of what is as near as can be and still no violation. */
const MIN_MARGIN = 2 ** -20;

/** A margin that says nothing. */
const UNKNOWN_MARGIN = Number.POSITIVE_INFINITY;

interface DisagreementRules {
  readonly top: number | undefined;
  readonly atol: number | undefined;
  readonly rtol: number;
  readonly cosine: number | undefined;
  readonly kl: number | undefined;
}

/** How people call the two sides. */
export interface SideLabels {
  readonly reference: string;
  readonly second: string;
}

/** An output with what the copy gave for it. */
interface OutputPair {
  readonly reference: BatchTensor;
  readonly second: BatchTensor;
}

/**
 * Two models that should agree and don't, in an output that both have. With no parameters the class decides: the
 * place of the greatest value along the last axis, or the value itself of whole numbers. What is not finite on one
 * side alone is a violation in any case.
 */
export class OutputDisagreement implements Objective {
  readonly name: string;
  readonly isTwoSided = true;
  readonly #kind: string;
  readonly #labels: SideLabels;
  readonly #rules: DisagreementRules;
  readonly #referenceReader = new RowReader();
  readonly #secondReader = new RowReader();

  /**
   * @param name what signatures begin with
   * @param kind the objective's kind
   */
  constructor(
    name: string,
    values: ParameterValues,
    kind = name,
    words: SideLabels = { reference: 'in the reference', second: 'in the copy' },
  ) {
    this.name = name;
    this.#kind = kind;
    this.#labels = words;
    const [top, atol, rtol, cosine, kl] = [TOP, ATOL, RTOL, COSINE, KL].map(values);
    const measures = atol !== undefined || rtol !== undefined;
    const isPlain = top === undefined && !measures && cosine === undefined && kl === undefined;
    this.#rules = {
      top: isPlain ? 1 : top,
      atol: measures ? (atol ?? 0) : undefined,
      rtol: rtol ?? 0,
      cosine,
      kl,
    };
  }

  refuses(result: BatchResult): string | undefined {
    if (result.secondOutputs === undefined)
      return 'needs a second model: name it with --against, derive it with --quantize, or run the model itself on another runtime with --against-runtime';
    const { top, atol, cosine, kl } = this.#rules;
    const isJudged = atol !== undefined || cosine !== undefined || kl !== undefined;
    if (top === undefined || isJudged || matchOutputs(result).some(({ reference }) => hasClasses(reference)))
      return undefined;
    const names = result.outputs.map(({ name }) => name).join(', ');
    return `no output has several values to tell a class by (${names}): say how far they may part, as ${this.name}:atol=0.01`;
  }

  judge(result: BatchResult, report: (row: number, violation: Violation) => void): void {
    const pairs = matchOutputs(result);
    for (let row = 0; row < result.rows; row++) {
      for (const pair of pairs) {
        const violation = this.#judgePair(pair, row);
        if (violation === undefined) continue;
        report(row, violation);
        break;
      }
    }
  }

  /**
   * Margins of a row. Of each class how far it is from a tie with the best other one: how many times the gap between
   * the two must halve to come down to rounding, and to the difference of the two models; a class that loses in the first half, one
   * that wins in the second. Behind them one for each other rule.
   */
  margins(result: BatchResult, row: number, out: Float64Array): number {
    const { top, atol, cosine, kl } = this.#rules;
    let used = TWO_SIDED_MARGINS;
    out.fill(UNKNOWN_MARGIN, 0, used);
    if (top !== undefined) {
      for (const pair of matchOutputs(result))
        if (hasClasses(pair.reference)) this.#writeTieMargins(pair, row, out);
    }
    for (const [rule, bound] of [
      ['atol', atol],
      ['cosine', cosine],
      ['kl', kl],
    ] as const) {
      if (bound === undefined) continue;
      let least = UNKNOWN_MARGIN;
      for (const { reference, second } of matchOutputs(result)) {
        if (DTYPES[reference.type].kind !== 'float') continue;
        const [a, b] = [this.#referenceReader.read(reference, row), this.#secondReader.read(second, row)];
        least = Math.min(least, this.#ruleMargin(rule, bound, a, b, lastAxisLength(reference)));
      }
      out[used++] = least;
    }
    return used;
  }

  #writeTieMargins({ reference, second }: OutputPair, row: number, out: Float64Array): void {
    const [a, b] = [this.#referenceReader.read(reference, row), this.#secondReader.read(second, row)];
    const count = lastAxisLength(reference);
    for (let from = 0; from < a.length; from += count) {
      const areShares = isDistribution(a, from, count);
      const best = argmax(a, from, count);
      const top = toLogit(a[from + best], areShares);
      const topOff = Math.abs(top - toLogit(b[from + best], areShares));
      let nearest = UNKNOWN_MARGIN;
      for (let k = 0; k < count; k++) {
        if (k === best) continue;
        const value = toLogit(a[from + k], areShares);
        const off = Math.abs(value - toLogit(b[from + k], areShares));
        const unit = topOff + off + ROUNDING * (Math.abs(top) + Math.abs(value)) + Number.MIN_VALUE;
        const gap = top - value;
        const share = GAP_UNIT * (Math.abs(top) + Math.abs(value)) + Number.MIN_VALUE;
        const doublings =
          (1 - DIFFERENCE_WEIGHT) * Math.log2(1 + gap / share) +
          DIFFERENCE_WEIGHT * Math.log2(1 + gap / unit);
        const margin = Math.max(MIN_MARGIN, doublings);
        const place = k % MAX_CLASSES;
        if (margin < out[place]) out[place] = margin;
        if (margin < nearest) nearest = margin;
      }
      const won = MAX_CLASSES + (best % MAX_CLASSES);
      if (nearest < out[won]) out[won] = nearest;
      if (isInTop(b, from, count, best, this.#rules.top ?? 1)) continue;
      out[won] = 0;
      out[argmax(b, from, count) % MAX_CLASSES] = 0;
    }
  }

  /** Doublings that are missing until a rule is broken. */
  #ruleMargin(
    rule: 'atol' | 'cosine' | 'kl',
    bound: number,
    a: Float64Array,
    b: Float64Array,
    count: number,
  ): number {
    const doublings = (isBroken: boolean, allowed: number, is: number): number => {
      const [most, own] = [allowed, is].map((value) => Math.log2(Math.max(value, Number.MIN_VALUE)));
      return isBroken ? 0 : Math.max(MIN_MARGIN, most - own);
    };
    if (rule === 'cosine') {
      const is = cosineSimilarity(a, b);
      return doublings(is < bound, 1 - bound, 1 - is);
    }
    if (rule === 'kl') {
      const is = klDivergence(a, b, count);
      return doublings(is > bound, bound, is);
    }
    let least = UNKNOWN_MARGIN;
    for (let i = 0; i < a.length; i++) {
      const allowed = bound + this.#rules.rtol * Math.abs(a[i]);
      const is = Math.abs(a[i] - b[i]);
      least = Math.min(least, doublings(is > allowed, allowed, is));
    }
    return least;
  }

  #judgePair({ reference, second }: OutputPair, row: number): Violation | undefined {
    const [a, b] = [this.#referenceReader.read(reference, row), this.#secondReader.read(second, row)];
    const { top, atol, rtol, cosine, kl } = this.#rules;
    const isFloat = DTYPES[reference.type].kind === 'float';
    const at = firstFinitenessMismatch(a, b);
    if (at >= 0) {
      const side = Number.isFinite(a[at]) ? 'copy' : Number.isFinite(b[at]) ? 'reference' : 'both';
      return this.#makeViolation(
        reference,
        'nan',
        `${elementName(reference, at)} is ${a[at]} ${this.#labels.reference} and ${b[at]} ${this.#labels.second}`,
        {
          side,
          index: at,
          reference: String(a[at]),
          copy: String(b[at]),
        },
      );
    }
    if (a.some(Number.isNaN)) return undefined;
    if (top !== undefined) {
      const parted = isFloat
        ? this.#classDisagreement(reference, a, b, top)
        : this.#valueDisagreement(reference, a, b);
      if (parted !== undefined)
        return this.#makeViolation(reference, 'class', parted.summary, parted.details);
    }
    if (atol !== undefined) {
      let worst = -1;
      let excess = 0;
      for (let i = 0; i < a.length; i++) {
        const over = Math.abs(a[i] - b[i]) - (atol + rtol * Math.abs(a[i]));
        if (over > excess) [worst, excess] = [i, over];
      }
      if (worst >= 0) {
        const difference = Math.abs(a[worst] - b[worst]);
        const summary = `${elementName(reference, worst)} is ${formatShort(a[worst])} ${this.#labels.reference} and ${formatShort(b[worst])} ${this.#labels.second}, ${formatShort(difference)} apart`;
        return this.#makeViolation(reference, 'difference', summary, {
          index: worst,
          reference: a[worst],
          copy: b[worst],
          difference,
          allowed: atol + rtol * Math.abs(a[worst]),
        });
      }
    }
    if (cosine !== undefined && isFloat) {
      const is = cosineSimilarity(a, b);
      if (is < cosine)
        return this.#makeViolation(
          reference,
          'cosine',
          `the cosine between the two of ${reference.name} is ${formatShort(is)}`,
          {
            cosine: is,
            least: cosine,
          },
        );
    }
    if (kl !== undefined && isFloat) {
      const is = klDivergence(a, b, lastAxisLength(reference));
      if (is > kl)
        return this.#makeViolation(
          reference,
          'kl',
          `the divergence of the two softmaxes of ${reference.name} is ${formatShort(is)} nats`,
          {
            kl: is,
            most: kl,
          },
        );
    }
    return undefined;
  }

  #classDisagreement(
    own: BatchTensor,
    a: Float64Array,
    b: Float64Array,
    top: number,
  ): { readonly summary: string; readonly details: Violation['details'] } | undefined {
    if (!hasClasses(own)) return undefined;
    const count = lastAxisLength(own);
    for (let from = 0; from < a.length; from += count) {
      const reference = argmax(a, from, count);
      if (isInTop(b, from, count, reference, top)) continue;
      const copy = argmax(b, from, count);
      const where = own.size === count ? own.name : `${own.name}, position ${from / count},`;
      const beyond = top === 1 ? '' : `, and ${reference} is not among its best ${top}`;
      return {
        summary: `${where} says ${reference} ${this.#labels.reference} (${formatShort(a[from + reference])} against ${formatShort(a[from + copy])}) and ${copy} ${this.#labels.second} (${formatShort(b[from + copy])} against ${formatShort(b[from + reference])})${beyond}`,
        details: {
          reference,
          copy,
          position: from / count,
          referenceValues: [a[from + reference], a[from + copy]],
          copyValues: [b[from + reference], b[from + copy]],
        },
      };
    }
    return undefined;
  }

  #valueDisagreement(
    own: BatchTensor,
    a: Float64Array,
    b: Float64Array,
  ): { readonly summary: string; readonly details: Violation['details'] } | undefined {
    const index = a.findIndex((value, i) => value !== b[i]);
    if (index < 0) return undefined;
    const [reference, copy] = [a[index], b[index]];
    const summary = `${elementName(own, index)} is ${reference} ${this.#labels.reference} and ${copy} ${this.#labels.second}`;
    return { summary, details: { index, reference, copy } };
  }

  #makeViolation(
    { name }: BatchTensor,
    kind: string,
    summary: string,
    details: Violation['details'],
  ): Violation {
    return {
      objective: this.#kind,
      signature: `${this.name}-${kind}-${slug(name)}`,
      summary,
      tensors: [],
      details: { output: name, kind, ...details },
    };
  }
}

/** Whether a row of an output tells a class: several numbers along its last axis, or whole numbers. */
function hasClasses(tensor: BatchTensor): boolean {
  return DTYPES[tensor.type].kind === 'float' ? lastAxisLength(tensor) > 1 : true;
}

/** Length of the last axis. */
function lastAxisLength({ shape, size }: BatchTensor): number {
  return Math.max(1, shape.at(-1) ?? size);
}

function elementName({ name, size }: BatchTensor, index: number): string {
  return size === 1 ? name : `${name}[${index}]`;
}

function formatShort(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function matchOutputs({ outputs, secondOutputs = [] }: BatchResult): OutputPair[] {
  return secondOutputs.flatMap((second) => {
    const reference = outputs.find(({ name }) => name === second.name);
    return reference === undefined ? [] : [{ reference, second }];
  });
}

function makeKind(name: string, help: string): ObjectiveKind {
  return {
    name,
    help,
    parameters: DISAGREEMENT_PARAMETERS,
    needsSecondModel: true,
    make: (values, context) => new OutputDisagreement(instanceName(name, context.name), values, name),
  };
}

export const quantization = makeKind(
  'quantization',
  'a quantized copy that answers otherwise than the model',
);

export const differential = makeKind(
  'differential',
  'another model, or another runtime, that answers otherwise',
);
