import { quoteEscaped } from '../../core/escape-control.ts';
import type { BatchedModel } from '../../model/batched-model.ts';
import type { Completion } from '../../model/language/completion.ts';
import type { CandidateContinuation } from '../../model/language/prefilled-prompts.ts';
import { MIN_MARGIN, UNKNOWN_MARGIN } from '../margin.ts';
import {
  instanceName,
  type JudgedBatch,
  MAX_MARGINS,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from '../objective.ts';
import { makeExcerpt } from './highlight.ts';
import { DEFAULT_RULES, parseRule, RULES } from './registry.ts';
import type { Rule, RuleViolation } from './rule.ts';

/** Characters of the prompt in summaries. */
const SHOWN_CHARACTERS = 48;

/** A rule with the signature of its violations, which a variant may extend. */
interface NamedRule {
  readonly signature: string;
  readonly rule: Rule;
}

/** A variant of a rule that the search is directed at: it has a margin. */
interface MarginTarget {
  readonly rule: Rule;
  /** Index in `Rule.variants`. */
  readonly variantIndex: number;
  readonly variant: string;
  readonly signature: string;
}

/** Judges the answers of a language model by rules; the first broken rule is the violation. */
class TextObjective implements Objective {
  readonly name: string;
  readonly #rules: readonly NamedRule[];

  constructor(name: string, rules: readonly NamedRule[]) {
    this.name = name;
    this.#rules = rules;
  }

  refuses({ texts }: JudgedBatch): string | undefined {
    const [first] = texts ?? [];
    if (first === undefined) return "judges a model's answers to prompts: set --generate vocabulary=FILE";
    for (const { rule } of this.#rules) {
      const reason = rule.unbreakableReason?.(first.tokenizer);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  judge({ texts = [] }: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    texts.forEach((completion, row) => {
      for (const { signature, rule } of this.#rules) {
        const found = rule.find(completion);
        if (found === undefined) continue;
        report(row, {
          objective: 'text',
          signature: signatureOf(signature, found.variant),
          summary: summaryOf(found, completion),
          tensors: [],
          details: { prompt: completion.prompt, answer: completion.answer, ...spanOf(found) },
        });
        return;
      }
    });
  }
}

/** Text objective with at least one rule whose likelihood of being broken can be measured. */
class DirectedTextObjective extends TextObjective {
  readonly marginSignatures: readonly string[];
  readonly predictsBeforeOutput: boolean;
  readonly #targets: readonly MarginTarget[];

  constructor(name: string, rules: readonly NamedRule[], targets: readonly MarginTarget[]) {
    super(name, rules);
    this.#targets = targets.slice(0, MAX_MARGINS);
    this.marginSignatures = this.#targets.map(({ signature }) => signature);
    this.predictsBeforeOutput = this.#targets.some(({ rule }) => rule.needsAnswer !== true);
  }

  /** Per target, −log2 of the probability that the model breaks the rule right after the prompt. */
  margins({ texts = [], predictedMargins }: JudgedBatch, row: number, out: Float64Array): number {
    const { length } = this.#targets;
    out.fill(UNKNOWN_MARGIN, 0, length);
    if (predictedMargins === undefined) return length;
    const target = predictedMargins.indices[row];
    const { rule, variant } = this.#targets[target];
    const found = rule.find(texts[row]);
    const isBroken = found !== undefined && (found.variant ?? '') === variant;
    out[target] = isBroken ? 0 : Math.max(MIN_MARGIN, predictedMargins.margins[row]);
    return length;
  }

  continuations(
    prompts: readonly Completion[],
    wanted: ArrayLike<number>,
  ): (CandidateContinuation | undefined)[] {
    return prompts.map((completion, row) => {
      const { rule, variantIndex } = this.#targets[wanted[row]];
      return rule.candidateFor?.(completion, variantIndex);
    });
  }

  async predictMargins(
    _model: BatchedModel,
    { texts = [], prefilled }: JudgedBatch,
    targets: ArrayLike<number>,
    marginsToBeat: ArrayLike<number>,
  ): Promise<Float64Array> {
    if (prefilled === undefined) throw new Error('the model does not complete texts');
    const candidates = this.continuations(texts, targets).map(
      (candidate, row) => candidate && { ...candidate, minLogProb: -marginsToBeat[row] * Math.LN2 },
    );
    const logProbs = await prefilled.scoreContinuations(candidates);
    return logProbs.map((logProb) => (Number.isNaN(logProb) ? UNKNOWN_MARGIN : -logProb / Math.LN2));
  }
}

function makeTextObjective(name: string, rules: readonly NamedRule[]): Objective {
  const targets = rules.flatMap(({ signature, rule }) =>
    (rule.variants ?? []).map(
      (variant, variantIndex): MarginTarget => ({
        rule,
        variantIndex,
        variant,
        signature: signatureOf(signature, variant),
      }),
    ),
  );
  return targets.length === 0
    ? new TextObjective(name, rules)
    : new DirectedTextObjective(name, rules, targets);
}

function summaryOf({ summary, from, to, isPrivate }: RuleViolation, { prompt, answer }: Completion): string {
  if (isPrivate === true) return summary;
  return `${summary} (prompt ${quoteEscaped(prompt, SHOWN_CHARACTERS)}, answer ${makeExcerpt(answer, from, to)})`;
}

function signatureOf(signature: string, variant: string | undefined): string {
  return variant === undefined || variant === '' ? signature : `${signature}-${variant}`;
}

function spanOf({ from, to }: RuleViolation): { readonly from?: number; readonly to?: number } {
  return from === undefined || to === undefined ? {} : { from, to };
}

function makeRule({ kind, values, words, text: rest }: ReturnType<typeof parseRule>): Rule {
  return kind.make(values, { words, text: rest });
}

export const text: ObjectiveKind = {
  name: 'text',
  help: `an answer that violates a rule, as in text:words,file=list.txt; default rules: ${DEFAULT_RULES.join(', ')}`,
  parameters: [],
  text: 'a rule, followed by its settings after commas',
  rules: RULES.list(),
  make(_values, { name, text: ruleSpec }) {
    if (ruleSpec === '') {
      const objectiveName = instanceName('text', name);
      const rules = DEFAULT_RULES.map((rule): NamedRule => {
        return { signature: `${objectiveName}-${rule}`, rule: makeRule(parseRule(rule)) };
      });
      return makeTextObjective(objectiveName, rules);
    }
    const parsed = parseRule(ruleSpec);
    const objectiveName = instanceName('text', name || parsed.name || parsed.kind.name);
    return makeTextObjective(objectiveName, [{ signature: objectiveName, rule: makeRule(parsed) }]);
  },
};
