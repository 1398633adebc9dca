import { quoteEscaped } from '../../core/escape-control.ts';
import type { BatchedModel } from '../../model/batched-model.ts';
import type { Completion } from '../../model/language/completion.ts';
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

/** The margin of what is as near as can be and still no violation. */
const MIN_MARGIN = 2 ** -20;

/** Characters of a prompt that summaries show. */
const SHOWN_CHARACTERS = 48;

/** A rule with the signature that its offences have, or begin with. */
interface NamedRule {
  readonly signature: string;
  readonly rule: Rule;
}

/** A way in which a rule may be broken. */
interface MarginTarget {
  readonly rule: Rule;
  /** Its place among the rule's own. */
  readonly variantIndex: number;
  readonly variant: string;
  readonly signature: string;
}

/** Rules that a model's answers must keep to. */
class TextObjective implements Objective {
  readonly name: string;
  readonly #rules: readonly NamedRule[];

  constructor(name: string, rules: readonly NamedRule[]) {
    this.name = name;
    this.#rules = rules;
  }

  refuses({ texts }: JudgedBatch): string | undefined {
    const [first] = texts ?? [];
    if (first === undefined)
      return 'judges what a model answers to prompts: have it go on with texts with --generate vocabulary=FILE';
    for (const { rule } of this.#rules) {
      const why = rule.unbreakableReason?.(first.tokenizer);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  judge({ texts = [] }: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    texts.forEach((said, row) => {
      for (const { signature, rule } of this.#rules) {
        const offence = rule.find(said);
        if (offence === undefined) continue;
        report(row, {
          objective: 'text',
          signature: signatureOf(signature, offence.variant),
          summary: summaryOf(offence, said),
          tensors: [],
          details: { prompt: said.prompt, answer: said.answer, ...spanOf(offence) },
        });
        return;
      }
    });
  }
}

/** Rules toward whose violation there is a way that can be measured. */
class DirectedTextObjective extends TextObjective {
  readonly marginSignatures: readonly string[];
  readonly predictsBeforeOutput: boolean;
  readonly #targets: readonly MarginTarget[];

  constructor(name: string, rules: readonly NamedRule[], ways: readonly MarginTarget[]) {
    super(name, rules);
    this.#targets = ways.slice(0, MAX_MARGINS);
    this.marginSignatures = this.#targets.map(({ signature }) => signature);
    this.predictsBeforeOutput = this.#targets.some(({ rule }) => rule.needsAnswer !== true);
  }

  /** Halvings from certain to how likely the model is to break the rule right after the prompt. */
  margins({ texts = [], predictedMargins }: JudgedBatch, row: number, out: Float64Array): number {
    const { length } = this.#targets;
    out.fill(Number.POSITIVE_INFINITY, 0, length);
    if (predictedMargins === undefined) return length;
    const way = predictedMargins.indices[row];
    const { rule, variant } = this.#targets[way];
    const offence = rule.find(texts[row]);
    const isBroken = offence !== undefined && (offence.variant ?? '') === variant;
    out[way] = isBroken ? 0 : Math.max(MIN_MARGIN, predictedMargins.margins[row]);
    return length;
  }

  async predictMargins(
    _model: BatchedModel,
    { texts = [], prefilled }: JudgedBatch,
    wanted: ArrayLike<number>,
    bars: ArrayLike<number>,
  ): Promise<Float64Array> {
    if (prefilled === undefined) throw new Error('the model does not generate text');
    const all = texts.map((said, row) => {
      const { rule, variantIndex } = this.#targets[wanted[row]];
      const sought = rule.candidateFor?.(said, variantIndex);
      return sought && { ...sought, minLogProb: -bars[row] * Math.LN2 };
    });
    const shares = await prefilled.scoreContinuations(all);
    return shares.map((share) => (Number.isNaN(share) ? Number.POSITIVE_INFINITY : -share / Math.LN2));
  }
}

function makeTextObjective(name: string, rules: readonly NamedRule[]): Objective {
  const ways = rules.flatMap(({ signature, rule }) =>
    (rule.variants ?? []).map(
      (what, place): MarginTarget => ({
        rule,
        variantIndex: place,
        variant: what,
        signature: signatureOf(signature, what),
      }),
    ),
  );
  return ways.length === 0 ? new TextObjective(name, rules) : new DirectedTextObjective(name, rules, ways);
}

function summaryOf({ summary, from, to, isPrivate }: RuleViolation, { prompt, answer }: Completion): string {
  if (isPrivate === true) return summary;
  return `${summary}: to ${quoteEscaped(prompt, SHOWN_CHARACTERS)} the answer is ${makeExcerpt(answer, from, to)}`;
}

function signatureOf(signature: string, what: string | undefined): string {
  return what === undefined || what === '' ? signature : `${signature}-${what}`;
}

function spanOf({ from, to }: RuleViolation) {
  return from === undefined || to === undefined ? {} : { from, to };
}

export const text: ObjectiveKind = {
  name: 'text',
  help: `what a model answers to prompts breaks a rule, as text:words,file=list.txt; without one ${DEFAULT_RULES.join(', ')}`,
  parameters: [],
  text: 'a rule, and behind commas its settings',
  rules: RULES,
  make({ name, text: asked }) {
    if (asked === '') {
      const own = instanceName('text', name);
      const rules = DEFAULT_RULES.map((rule): NamedRule => {
        const { kind, settings } = parseRule(rule);
        return { signature: `${own}-${rule}`, rule: kind.make(settings) };
      });
      return makeTextObjective(own, rules);
    }
    const { kind, settings, name: inner } = parseRule(asked);
    const own = instanceName('text', name || inner || kind.name);
    return makeTextObjective(own, [{ signature: own, rule: kind.make(settings) }]);
  },
};
