import type { ObjectiveParameter, ObjectiveValues } from '../extensions/parameters.ts';
import type { RowResult, RowTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import {
  instanceName,
  type Objective,
  type ObjectiveKind,
  SIDES,
  slug,
  type Violation,
} from './objective.ts';
import {
  cosineOf,
  divergenceOf,
  greatest,
  isAmong,
  isDistribution,
  logShare,
  partsInFiniteness,
  RowReader,
} from './output-difference.ts';

const INFINITE = Number.POSITIVE_INFINITY;

/** What may be asked of two models that should agree. */
export const PARTING_PARAMETERS: readonly ObjectiveParameter[] = [
  {
    name: 'top',
    help: "another class: the reference's is not among so many of the copy's best",
    between: [1, 1e6],
    whole: true,
  },
  { name: 'atol', help: 'a difference above atol + rtol·|reference| at any value', between: [0, INFINITE] },
  { name: 'rtol', help: 'the relative part of that', between: [0, INFINITE] },
  { name: 'cosine', help: 'the least cosine of the angle between the two outputs', between: [-1, 1] },
  {
    name: 'kl',
    help: "the greatest Kullback-Leibler divergence of the copy's softmax from the reference's, in nats",
    between: [0, INFINITE],
  },
];

/** Classes that margins tell apart; more share them. */
const MOST_CLASSES = SIDES / 2;

/** What counts as rounding at least: half a unit in the last place of single precision. */
const ROUNDING = 2 ** -24;

/**
 * A tie of two classes is reached by narrowing the gap between them; how far the two models differ says when it is near
 * enough. The difference changes by chance from mutant to mutant, so that it has a small part in the margin: with the whole
 * of it the search keeps what happens to differ much and narrows no gap (70 digits of 100 where now all 40 tried part).
 */
const BY_DIFFERENCE = 0.1;

/** What the gap is counted in for the rest: a share of the values, of the order of rounding to half precision. */
const SHARE = 2 ** -14;

/** The margin of what is as near as can be and still no violation. */
const LEAST_MARGIN = 2 ** -20;

/** A margin that says nothing. */
const UNKNOWN = Number.POSITIVE_INFINITY;

interface Rules {
  readonly top: number | undefined;
  readonly atol: number | undefined;
  readonly rtol: number;
  readonly cosine: number | undefined;
  readonly kl: number | undefined;
}

/** How people call the two sides. */
export interface PartingWords {
  readonly reference: string;
  readonly copy: string;
}

/** An output with what the copy gave for it. */
interface Matched {
  readonly own: RowTensor;
  readonly other: RowTensor;
}

/**
 * Two models that should agree and don't, in an output that both have. With no parameters the class decides: the
 * place of the greatest value along the last axis, or the value itself of whole numbers. What is not finite on one
 * side alone is a violation in any case.
 */
export class Parting implements Objective {
  readonly name: string;
  readonly sided = true;
  readonly #kind: string;
  readonly #words: PartingWords;
  readonly #rules: Rules;
  readonly #own = new RowReader();
  readonly #other = new RowReader();

  /**
   * @param name what signatures begin with
   * @param kind the objective's kind
   */
  constructor(
    name: string,
    { top, atol, rtol, cosine, kl }: ObjectiveValues,
    kind = name,
    words: PartingWords = { reference: 'in the reference', copy: 'in the copy' },
  ) {
    this.name = name;
    this.#kind = kind;
    this.#words = words;
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

  refuses(result: RowResult): string | undefined {
    if (result.copy === undefined)
      return 'needs a second model: name it with --against, derive it with --quantize, or run the model itself on another runtime with --against-runtime';
    const { top, atol, cosine, kl } = this.#rules;
    const isJudged = atol !== undefined || cosine !== undefined || kl !== undefined;
    if (top === undefined || isJudged || matched(result).some(({ own }) => hasClasses(own))) return undefined;
    const names = result.outputs.map(({ name }) => name).join(', ');
    return `no output has several values to tell a class by (${names}): say how far they may part, as ${this.name}:atol=0.01`;
  }

  judge(result: RowResult, report: (row: number, violation: Violation) => void): void {
    const pairs = matched(result);
    for (let row = 0; row < result.rows; row++) {
      for (const pair of pairs) {
        const violation = this.#judgeOne(pair, row);
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
  margins(result: RowResult, row: number, out: Float64Array): number {
    const { top, atol, cosine, kl } = this.#rules;
    let used = SIDES;
    out.fill(UNKNOWN, 0, used);
    if (top !== undefined) {
      for (const pair of matched(result)) if (hasClasses(pair.own)) this.#ties(pair, row, out);
    }
    for (const [rule, bound] of [
      ['atol', atol],
      ['cosine', cosine],
      ['kl', kl],
    ] as const) {
      if (bound === undefined) continue;
      let least = UNKNOWN;
      for (const { own, other } of matched(result)) {
        if (DTYPES[own.type].kind !== 'float') continue;
        const [a, b] = [this.#own.read(own, row), this.#other.read(other, row)];
        least = Math.min(least, this.#missing(rule, bound, a, b, lastOf(own)));
      }
      out[used++] = least;
    }
    return used;
  }

  #ties({ own, other }: Matched, row: number, out: Float64Array): void {
    const [a, b] = [this.#own.read(own, row), this.#other.read(other, row)];
    const count = lastOf(own);
    for (let from = 0; from < a.length; from += count) {
      const areShares = isDistribution(a, from, count);
      const best = greatest(a, from, count);
      const top = logShare(a[from + best], areShares);
      const topOff = Math.abs(top - logShare(b[from + best], areShares));
      let nearest = UNKNOWN;
      for (let k = 0; k < count; k++) {
        if (k === best) continue;
        const value = logShare(a[from + k], areShares);
        const off = Math.abs(value - logShare(b[from + k], areShares));
        const unit = topOff + off + ROUNDING * (Math.abs(top) + Math.abs(value)) + Number.MIN_VALUE;
        const gap = top - value;
        const share = SHARE * (Math.abs(top) + Math.abs(value)) + Number.MIN_VALUE;
        const doublings =
          (1 - BY_DIFFERENCE) * Math.log2(1 + gap / share) + BY_DIFFERENCE * Math.log2(1 + gap / unit);
        const margin = Math.max(LEAST_MARGIN, doublings);
        const place = k % MOST_CLASSES;
        if (margin < out[place]) out[place] = margin;
        if (margin < nearest) nearest = margin;
      }
      const won = MOST_CLASSES + (best % MOST_CLASSES);
      if (nearest < out[won]) out[won] = nearest;
      if (isAmong(b, from, count, best, this.#rules.top ?? 1)) continue;
      out[won] = 0;
      out[greatest(b, from, count) % MOST_CLASSES] = 0;
    }
  }

  /** Doublings that are missing until a rule is broken. */
  #missing(
    rule: 'atol' | 'cosine' | 'kl',
    bound: number,
    a: Float64Array,
    b: Float64Array,
    count: number,
  ): number {
    const doublings = (isBroken: boolean, allowed: number, is: number): number => {
      const [most, own] = [allowed, is].map((value) => Math.log2(Math.max(value, Number.MIN_VALUE)));
      return isBroken ? 0 : Math.max(LEAST_MARGIN, most - own);
    };
    if (rule === 'cosine') {
      const is = cosineOf(a, b);
      return doublings(is < bound, 1 - bound, 1 - is);
    }
    if (rule === 'kl') {
      const is = divergenceOf(a, b, count);
      return doublings(is > bound, bound, is);
    }
    let least = UNKNOWN;
    for (let i = 0; i < a.length; i++) {
      const allowed = bound + this.#rules.rtol * Math.abs(a[i]);
      const is = Math.abs(a[i] - b[i]);
      least = Math.min(least, doublings(is > allowed, allowed, is));
    }
    return least;
  }

  #judgeOne({ own, other }: Matched, row: number): Violation | undefined {
    const [a, b] = [this.#own.read(own, row), this.#other.read(other, row)];
    const { top, atol, rtol, cosine, kl } = this.#rules;
    const isFloat = DTYPES[own.type].kind === 'float';
    const at = partsInFiniteness(a, b);
    if (at >= 0) {
      const side = Number.isFinite(a[at]) ? 'copy' : Number.isFinite(b[at]) ? 'reference' : 'both';
      return this.#violation(
        own,
        'nan',
        `${told(own, at)} is ${a[at]} ${this.#words.reference} and ${b[at]} ${this.#words.copy}`,
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
      const parted = isFloat ? this.#otherClass(own, a, b, top) : this.#otherValue(own, a, b);
      if (parted !== undefined) return this.#violation(own, 'class', parted.summary, parted.details);
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
        const summary = `${told(own, worst)} is ${short(a[worst])} ${this.#words.reference} and ${short(b[worst])} ${this.#words.copy}, ${short(difference)} apart`;
        return this.#violation(own, 'difference', summary, {
          index: worst,
          reference: a[worst],
          copy: b[worst],
          difference,
          allowed: atol + rtol * Math.abs(a[worst]),
        });
      }
    }
    if (cosine !== undefined && isFloat) {
      const is = cosineOf(a, b);
      if (is < cosine)
        return this.#violation(own, 'cosine', `the cosine between the two of ${own.name} is ${short(is)}`, {
          cosine: is,
          least: cosine,
        });
    }
    if (kl !== undefined && isFloat) {
      const is = divergenceOf(a, b, lastOf(own));
      if (is > kl)
        return this.#violation(
          own,
          'kl',
          `the divergence of the two softmaxes of ${own.name} is ${short(is)} nats`,
          {
            kl: is,
            most: kl,
          },
        );
    }
    return undefined;
  }

  #otherClass(
    own: RowTensor,
    a: Float64Array,
    b: Float64Array,
    top: number,
  ): { readonly summary: string; readonly details: Violation['details'] } | undefined {
    if (!hasClasses(own)) return undefined;
    const count = lastOf(own);
    for (let from = 0; from < a.length; from += count) {
      const reference = greatest(a, from, count);
      if (isAmong(b, from, count, reference, top)) continue;
      const copy = greatest(b, from, count);
      const where = own.size === count ? own.name : `${own.name}, position ${from / count},`;
      const beyond = top === 1 ? '' : `, and ${reference} is not among its best ${top}`;
      return {
        summary: `${where} says ${reference} ${this.#words.reference} (${short(a[from + reference])} against ${short(a[from + copy])}) and ${copy} ${this.#words.copy} (${short(b[from + copy])} against ${short(b[from + reference])})${beyond}`,
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

  #otherValue(
    own: RowTensor,
    a: Float64Array,
    b: Float64Array,
  ): { readonly summary: string; readonly details: Violation['details'] } | undefined {
    const index = a.findIndex((value, i) => value !== b[i]);
    if (index < 0) return undefined;
    const [reference, copy] = [a[index], b[index]];
    const summary = `${told(own, index)} is ${reference} ${this.#words.reference} and ${copy} ${this.#words.copy}`;
    return { summary, details: { index, reference, copy } };
  }

  #violation({ name }: RowTensor, kind: string, summary: string, details: Violation['details']): Violation {
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
function hasClasses(tensor: RowTensor): boolean {
  return DTYPES[tensor.type].kind === 'float' ? lastOf(tensor) > 1 : true;
}

/** Length of the last axis. */
function lastOf({ shape, size }: RowTensor): number {
  return Math.max(1, shape.at(-1) ?? size);
}

function told({ name, size }: RowTensor, index: number): string {
  return size === 1 ? name : `${name}[${index}]`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function matched({ outputs, copy = [] }: RowResult): Matched[] {
  return copy.flatMap((other) => {
    const own = outputs.find(({ name }) => name === other.name);
    return own === undefined ? [] : [{ own, other }];
  });
}

function kindOf(name: string, help: string): ObjectiveKind {
  return {
    name,
    help,
    parameters: PARTING_PARAMETERS,
    compares: true,
    make: ({ values, name: own }) => new Parting(instanceName(name, own), values, name),
  };
}

export const quantization = kindOf('quantization', 'a quantized copy that answers otherwise than the model');

export const differential = kindOf(
  'differential',
  'another model, or another runtime, that answers otherwise',
);
