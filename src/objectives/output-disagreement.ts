import { formatNumber } from '../core/format-number.ts';
import type { BatchResult } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import {
  type Disagreement,
  findClassDisagreement,
  type RowPair,
  type SideLabels,
} from './class-disagreement.ts';
import { type GapBounds, gapBounds } from './class-gap.ts';
import { className, namedClasses } from './class-name.ts';
import { classSlope } from './class-slope.ts';
import type { Comparator } from './comparators/comparator.ts';
import { comparatorMargin, disagreementMargins } from './disagreement-margins.ts';
import { elementName } from './element-name.ts';
import {
  isTie,
  type MarginSlope,
  type Objective,
  slug,
  TWO_SIDED_MARGINS,
  tieSignature,
  type Violation,
} from './objective.ts';
import { cosineSimilarity, firstFinitenessMismatch, klDivergence, RowReader } from './output-difference.ts';
import {
  type DisagreementRules,
  hasClasses,
  lastAxisLength,
  matchOutputs,
  type OutputPair,
} from './output-pair.ts';

export interface DisagreementOptions {
  /** Name of the objective's kind, for `Violation.objective`. */
  readonly kind: string;
  readonly labels: SideLabels;
  /** Compares the outputs as results of a task, beside the rules. */
  readonly comparator?: Comparator | undefined;
}

interface BoundedPair extends OutputPair {
  readonly bounds: GapBounds;
}

/** A disagreement with the output that it is in. */
interface OutputDisagreementFound extends Disagreement {
  readonly output: string;
}

/**
 * Differential testing of two models on the same inputs, output by output. Without parameters the predicted class
 * decides: the argmax along the last axis, or the value itself of an integer output. A NaN or an infinity that only one
 * model gives is always a violation.
 */
export class OutputDisagreement implements Objective {
  readonly name: string;
  readonly isTwoSided = true;
  readonly tellsTies: boolean;
  readonly #kind: string;
  readonly #labels: SideLabels;
  readonly #rules: DisagreementRules;
  readonly #comparator: Comparator | undefined;
  readonly #referenceReader = new RowReader();
  readonly #secondReader = new RowReader();

  /**
   * @param name signatures begin with it
   */
  constructor(name: string, rules: DisagreementRules, { kind, labels, comparator }: DisagreementOptions) {
    this.name = name;
    this.#kind = kind;
    this.#labels = labels;
    this.#comparator = comparator;
    this.#rules = rules;
    this.tellsTies = rules.tellsTies && rules.top !== undefined;
  }

  breaksSeed({ signature }: Violation): boolean {
    return !isTie(signature);
  }

  refuses(result: BatchResult): string | undefined {
    if (result.secondOutputs === undefined)
      return 'needs a second model: name it with --against, derive it with --quantize, or run the model itself on another runtime with --against-runtime';
    const pairs = matchOutputs(result);
    const refusal = this.#comparator?.refuses(pairs);
    if (refusal !== undefined) return refusal;
    const { top, atol, cosine, kl } = this.#rules;
    const comparesValues = atol !== undefined || cosine !== undefined || kl !== undefined;
    if (top === undefined || comparesValues || pairs.some(({ reference }) => hasClasses(reference)))
      return undefined;
    const names = result.outputs.map(({ name }) => name).join(', ');
    return `no output has several values to tell a class by (${names}): say how far they may part, as ${this.name}:atol=0.01`;
  }

  judge(result: BatchResult, report: (row: number, violation: Violation) => void): void {
    const pairs = matchOutputs(result).map((pair) => ({
      ...pair,
      bounds: gapBounds(this.#rules, pair.reference, pair.second),
    }));
    for (let row = 0; row < result.rows; row++) {
      // Rows that disagree are few: nothing is allocated for the others.
      let found: OutputDisagreementFound[] | undefined;
      for (const pair of pairs) {
        const disagreement = this.#compareRow(pair, row);
        if (disagreement === undefined) continue;
        found ??= [];
        found.push({ ...disagreement, output: pair.reference.name });
      }
      const counted = found && countedOf(found);
      const disagreement =
        counted === undefined || counted.kind === 'tie'
          ? (this.#compareResults(pairs, row) ?? counted)
          : counted;
      if (disagreement !== undefined) report(row, this.#makeViolation(disagreement));
    }
  }

  /** What the comparator finds; undefined without one. */
  #compareResults(pairs: readonly OutputPair[], row: number): OutputDisagreementFound | undefined {
    if (this.#comparator === undefined) return undefined;
    const { name } = this.#comparator;
    const broken = this.#comparator.measure(pairs, row).find(({ distance, allowed }) => distance > allowed);
    return broken && { output: broken.output, kind: name, ...broken.describe(this.#labels) };
  }

  margins(result: BatchResult, row: number, out: Float64Array): number {
    const count = disagreementMargins(
      result,
      row,
      this.#rules,
      this.#referenceReader,
      this.#secondReader,
      out,
    );
    if (this.#comparator === undefined) return count;
    out[count] = comparatorMargin(this.#comparator.measure(matchOutputs(result), row));
    return count + 1;
  }

  /**
   * That of the gap between the reference's classes, for the margins that lead to a tie: the two models part beside it. The other
   * margins have none.
   */
  marginSlope(result: BatchResult, row: number, index: number, rank?: number): MarginSlope | undefined {
    if (this.#rules.top === undefined || index >= TWO_SIDED_MARGINS) return undefined;
    const half = TWO_SIDED_MARGINS / 2;
    const isRival = (k: number, best: number): boolean =>
      rank !== undefined || (index < half ? k % half === index : best % half === index - half);
    for (const { reference, second } of matchOutputs(result)) {
      if (DTYPES[reference.type].kind !== 'float' || !hasClasses(reference)) continue;
      const count = lastAxisLength(reference);
      const other = this.#secondReader.read(second, row);
      const slope = classSlope(reference, row, count, this.#referenceReader, { isRival, rank }, other);
      if (slope !== undefined) return slope;
    }
    return undefined;
  }

  #compareRow({ reference, second, bounds }: BoundedPair, row: number): Disagreement | undefined {
    const [a, b] = [this.#referenceReader.read(reference, row), this.#secondReader.read(second, row)];
    const pair: RowPair = { tensor: reference, bounds, a, b };
    const mismatch = firstFinitenessMismatch(a, b);
    if (mismatch >= 0) return this.#finitenessDisagreement(pair, mismatch);
    if (a.some(Number.isNaN)) return undefined;
    const isFloat = DTYPES[reference.type].kind === 'float';
    const otherClass = isFloat
      ? findClassDisagreement(pair, this.#rules.top, this.#labels)
      : this.#valueDisagreement(pair);
    if (otherClass !== undefined && otherClass.kind !== 'tie') return otherClass;
    return (
      this.#toleranceDisagreement(pair) ??
      (isFloat ? this.#vectorDisagreement(pair) : undefined) ??
      otherClass
    );
  }

  #finitenessDisagreement({ tensor, a, b }: RowPair, index: number): Disagreement {
    return {
      kind: 'nan',
      summary: `${elementName(tensor.name, tensor.size, index, tensor.classes)} is ${a[index]} ${this.#labels.reference} and ${b[index]} ${this.#labels.second}`,
      details: {
        side: Number.isFinite(a[index]) ? 'copy' : Number.isFinite(b[index]) ? 'reference' : 'both',
        index,
        reference: String(a[index]),
        copy: String(b[index]),
      },
    };
  }

  #valueDisagreement({ tensor, a, b }: RowPair): Disagreement | undefined {
    if (this.#rules.top === undefined) return undefined;
    const index = a.findIndex((value, i) => value !== b[i]);
    if (index < 0) return undefined;
    const [reference, copy] = [a[index], b[index]];
    return {
      kind: 'class',
      summary: `${elementName(tensor.name, tensor.size, index)} is ${className(tensor, reference)} ${this.#labels.reference} and ${className(tensor, copy)} ${this.#labels.second}`,
      details: { index, reference, copy, ...namedClasses(tensor, { reference, copy }) },
    };
  }

  /** The value furthest beyond atol + rtol·|reference|. */
  #toleranceDisagreement({ tensor, a, b }: RowPair): Disagreement | undefined {
    const { atol, rtol } = this.#rules;
    if (atol === undefined) return undefined;
    let worst = -1;
    let excess = 0;
    for (let i = 0; i < a.length; i++) {
      const over = Math.abs(a[i] - b[i]) - (atol + rtol * Math.abs(a[i]));
      if (over > excess) [worst, excess] = [i, over];
    }
    if (worst < 0) return undefined;
    const difference = Math.abs(a[worst] - b[worst]);
    return {
      kind: 'difference',
      summary: `${elementName(tensor.name, tensor.size, worst, tensor.classes)} is ${formatNumber(a[worst])} ${this.#labels.reference} and ${formatNumber(b[worst])} ${this.#labels.second}: a difference of ${formatNumber(difference)}`,
      details: {
        index: worst,
        reference: a[worst],
        copy: b[worst],
        difference,
        allowed: atol + rtol * Math.abs(a[worst]),
      },
    };
  }

  /** Measures of the whole output: cosine similarity and Kullback-Leibler divergence. */
  #vectorDisagreement({ tensor, a, b }: RowPair): Disagreement | undefined {
    const { cosine, kl } = this.#rules;
    if (cosine !== undefined) {
      const similarity = cosineSimilarity(a, b);
      if (similarity < cosine)
        return {
          kind: 'cosine',
          summary: `${tensor.name} differs ${this.#labels.reference} and ${this.#labels.second}: cosine similarity ${formatNumber(similarity)}`,
          details: { cosine: similarity, least: cosine },
        };
    }
    if (kl === undefined) return undefined;
    const divergence = klDivergence(a, b, lastAxisLength(tensor));
    return divergence > kl
      ? {
          kind: 'kl',
          summary: `${tensor.name} differs ${this.#labels.reference} and ${this.#labels.second}: KL divergence of the softmaxes ${formatNumber(divergence)} nats`,
          details: { kl: divergence, most: kl },
        }
      : undefined;
  }

  #makeViolation({ output, kind, summary, details }: OutputDisagreementFound): Violation {
    return {
      objective: this.#kind,
      signature:
        kind === 'tie'
          ? tieSignature(this.#kind, this.name, slug(output))
          : `${this.name}-${kind}-${slug(output)}`,
      summary,
      tensors: [],
      details: { output, kind, ...details },
    };
  }
}

/** Of a row's disagreements the first that is no tie, nor the label of one; where there is none the first tie. */
function countedOf(found: readonly OutputDisagreementFound[]): OutputDisagreementFound {
  const ties = found.filter(({ kind }) => kind === 'tie');
  const isLabelOfTie = ({ kind, details }: Disagreement): boolean =>
    kind === 'class' &&
    details.gap === undefined &&
    ties.some((tie) => tie.details.reference === details.reference && tie.details.copy === details.copy);
  return found.find((entry) => entry.kind !== 'tie' && !isLabelOfTie(entry)) ?? ties[0];
}
