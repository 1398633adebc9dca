import { formatNumber } from '../core/format-number.ts';
import type { BatchResult, BatchTensor } from '../model/batched-model.ts';
import { DTYPES } from '../tensor/tensor.ts';
import { className, namedClasses } from './class-name.ts';
import { disagreementMargins } from './disagreement-margins.ts';
import { elementName } from './element-name.ts';
import { type Objective, slug, type Violation } from './objective.ts';
import {
  argmax,
  cosineSimilarity,
  firstFinitenessMismatch,
  isInTop,
  klDivergence,
  RowReader,
} from './output-difference.ts';
import {
  type DisagreementRules,
  hasClasses,
  lastAxisLength,
  matchOutputs,
  type OutputPair,
} from './output-pair.ts';

/** Phrases for the two sides in summaries, such as `in the reference`. */
export interface SideLabels {
  readonly reference: string;
  readonly second: string;
}

/** A disagreement in one output, before it gets the objective's signature. */
interface Disagreement {
  readonly kind: 'nan' | 'class' | 'difference' | 'cosine' | 'kl';
  readonly summary: string;
  readonly details: Violation['details'];
}

/** One row of an output that both models have. */
interface RowPair {
  readonly tensor: BatchTensor;
  /** The reference's values, and the second model's. */
  readonly a: Float64Array;
  readonly b: Float64Array;
}

/**
 * Differential testing of two models on the same inputs, output by output. Without parameters the predicted class
 * decides: the argmax along the last axis, or the value itself of an integer output. A NaN or an infinity that only one
 * model gives is always a violation.
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
   * @param name signatures begin with it
   * @param kind name of the objective's kind, for `Violation.objective`
   */
  constructor(
    name: string,
    rules: DisagreementRules,
    kind = name,
    labels: SideLabels = { reference: 'in the reference', second: 'in the copy' },
  ) {
    this.name = name;
    this.#kind = kind;
    this.#labels = labels;
    this.#rules = rules;
  }

  breaksSeed(): boolean {
    return true;
  }

  refuses(result: BatchResult): string | undefined {
    if (result.secondOutputs === undefined)
      return 'needs a second model: name it with --against, derive it with --quantize, or run the model itself on another runtime with --against-runtime';
    const { top, atol, cosine, kl } = this.#rules;
    const comparesValues = atol !== undefined || cosine !== undefined || kl !== undefined;
    if (
      top === undefined ||
      comparesValues ||
      matchOutputs(result).some(({ reference }) => hasClasses(reference))
    )
      return undefined;
    const names = result.outputs.map(({ name }) => name).join(', ');
    return `no output has several values to tell a class by (${names}): say how far they may part, as ${this.name}:atol=0.01`;
  }

  judge(result: BatchResult, report: (row: number, violation: Violation) => void): void {
    const pairs = matchOutputs(result);
    for (let row = 0; row < result.rows; row++) {
      for (const pair of pairs) {
        const disagreement = this.#compareRow(pair, row);
        if (disagreement === undefined) continue;
        report(row, this.#makeViolation(pair.reference.name, disagreement));
        break;
      }
    }
  }

  margins(result: BatchResult, row: number, out: Float64Array): number {
    return disagreementMargins(result, row, this.#rules, this.#referenceReader, this.#secondReader, out);
  }

  #compareRow({ reference, second }: OutputPair, row: number): Disagreement | undefined {
    const [a, b] = [this.#referenceReader.read(reference, row), this.#secondReader.read(second, row)];
    const pair: RowPair = { tensor: reference, a, b };
    const mismatch = firstFinitenessMismatch(a, b);
    if (mismatch >= 0) return this.#finitenessDisagreement(pair, mismatch);
    if (a.some(Number.isNaN)) return undefined;
    const isFloat = DTYPES[reference.type].kind === 'float';
    return (
      (isFloat ? this.#classDisagreement(pair) : this.#valueDisagreement(pair)) ??
      this.#toleranceDisagreement(pair) ??
      (isFloat ? this.#vectorDisagreement(pair) : undefined)
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

  #classDisagreement({ tensor, a, b }: RowPair): Disagreement | undefined {
    const { top } = this.#rules;
    if (top === undefined || !hasClasses(tensor)) return undefined;
    const count = lastAxisLength(tensor);
    for (let from = 0; from < a.length; from += count) {
      const reference = argmax(a, from, count);
      if (isInTop(b, from, count, reference, top)) continue;
      const copy = argmax(b, from, count);
      const position = from / count;
      const where = tensor.size === count ? tensor.name : `${tensor.name}, position ${position},`;
      const names = [className(tensor, reference), className(tensor, copy)];
      const beyond = top === 1 ? '' : `, and ${names[0]} is not among its best ${top}`;
      return {
        kind: 'class',
        summary: `${where} says ${names[0]} ${this.#labels.reference} (${formatNumber(a[from + reference])} against ${formatNumber(a[from + copy])}) and ${names[1]} ${this.#labels.second} (${formatNumber(b[from + copy])} against ${formatNumber(b[from + reference])})${beyond}`,
        details: {
          reference,
          copy,
          ...namedClasses(tensor, { reference, copy }),
          position,
          referenceValues: [a[from + reference], a[from + copy]],
          copyValues: [b[from + reference], b[from + copy]],
        },
      };
    }
    return undefined;
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
      summary: `${elementName(tensor.name, tensor.size, worst, tensor.classes)} is ${formatNumber(a[worst])} ${this.#labels.reference} and ${formatNumber(b[worst])} ${this.#labels.second}, ${formatNumber(difference)} apart`,
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
          summary: `the cosine between the two of ${tensor.name} is ${formatNumber(similarity)}`,
          details: { cosine: similarity, least: cosine },
        };
    }
    if (kl === undefined) return undefined;
    const divergence = klDivergence(a, b, lastAxisLength(tensor));
    return divergence > kl
      ? {
          kind: 'kl',
          summary: `the divergence of the two softmaxes of ${tensor.name} is ${formatNumber(divergence)} nats`,
          details: { kl: divergence, most: kl },
        }
      : undefined;
  }

  #makeViolation(output: string, { kind, summary, details }: Disagreement): Violation {
    return {
      objective: this.#kind,
      signature: `${this.name}-${kind}-${slug(output)}`,
      summary,
      tensors: [],
      details: { output, kind, ...details },
    };
  }
}
