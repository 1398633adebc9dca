import { quoted } from '../../core/escape-control.ts';
import type { RowModel } from '../../model/batched-model.ts';
import type { Said } from '../../model/language/completion.ts';
import {
  instanceName,
  MOST_MARGINS,
  type Objective,
  type ObjectiveKind,
  type Run,
  type Violation,
} from '../objective.ts';
import { excerpt } from './highlight.ts';
import { askedRule, RULES, USUAL } from './registry.ts';
import type { Offence, Rule } from './rule.ts';

/** The margin of what is as near as can be and still no violation. */
const LEAST_MARGIN = 2 ** -20;

/** Characters of a prompt that summaries show. */
const SHOWN = 48;

/** A rule with the signature that its offences have, or begin with. */
interface Named {
  readonly signature: string;
  readonly rule: Rule;
}

/** A way in which a rule may be broken. */
interface Way {
  readonly rule: Rule;
  /** Its place among the rule's own. */
  readonly place: number;
  readonly what: string;
  readonly signature: string;
}

/** Rules that a model's answers must keep to. */
class Text implements Objective {
  readonly name: string;
  readonly #rules: readonly Named[];

  constructor(name: string, rules: readonly Named[]) {
    this.name = name;
    this.#rules = rules;
  }

  refuses({ texts }: Run): string | undefined {
    const [first] = texts ?? [];
    if (first === undefined)
      return 'judges what a model answers to prompts: have it go on with texts with --generate vocabulary=FILE';
    for (const { rule } of this.#rules) {
      const why = rule.idle?.(first.language);
      if (why !== undefined) return why;
    }
    return undefined;
  }

  judge({ texts = [] }: Run, report: (row: number, violation: Violation) => void): void {
    texts.forEach((said, row) => {
      for (const { signature, rule } of this.#rules) {
        const offence = rule.find(said);
        if (offence === undefined) continue;
        report(row, {
          objective: 'text',
          signature: signatureOf(signature, offence.what),
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
class SoughtText extends Text {
  readonly ways: readonly string[];
  readonly looks: boolean;
  readonly #ways: readonly Way[];

  constructor(name: string, rules: readonly Named[], ways: readonly Way[]) {
    super(name, rules);
    this.#ways = ways.slice(0, MOST_MARGINS);
    this.ways = this.#ways.map(({ signature }) => signature);
    this.looks = this.#ways.some(({ rule }) => rule.needsAnswer !== true);
  }

  /** Halvings from certain to how likely the model is to break the rule right after the prompt. */
  margins({ texts = [], foreseen }: Run, row: number, out: Float64Array): number {
    const { length } = this.#ways;
    out.fill(Number.POSITIVE_INFINITY, 0, length);
    if (foreseen === undefined) return length;
    const way = foreseen.ways[row];
    const { rule, what } = this.#ways[way];
    const offence = rule.find(texts[row]);
    const isBroken = offence !== undefined && (offence.what ?? '') === what;
    out[way] = isBroken ? 0 : Math.max(LEAST_MARGIN, foreseen.margins[row]);
    return length;
  }

  async foresee(
    model: RowModel,
    { texts = [], prompted }: Run,
    wanted: ArrayLike<number>,
    bars: ArrayLike<number>,
  ): Promise<Float64Array> {
    const { generation } = model.model;
    if (generation === undefined) throw new Error('the model does not go on with texts');
    const all = texts.map((said, row) => {
      const { rule, place } = this.#ways[wanted[row]];
      const sought = rule.seek?.(said, place);
      return sought && { ...sought, least: -bars[row] * Math.LN2 };
    });
    const shares = await generation.follow(prompted, all);
    return shares.map((share) => (Number.isNaN(share) ? Number.POSITIVE_INFINITY : -share / Math.LN2));
  }
}

function makeText(name: string, rules: readonly Named[]): Objective {
  const ways = rules.flatMap(({ signature, rule }) =>
    (rule.ways ?? []).map(
      (what, place): Way => ({ rule, place, what, signature: signatureOf(signature, what) }),
    ),
  );
  return ways.length === 0 ? new Text(name, rules) : new SoughtText(name, rules, ways);
}

function summaryOf({ summary, from, to, isPrivate }: Offence, { prompt, answer }: Said): string {
  if (isPrivate === true) return summary;
  return `${summary}: to ${quoted(prompt, SHOWN)} the answer is ${excerpt(answer, from, to)}`;
}

function signatureOf(signature: string, what: string | undefined): string {
  return what === undefined || what === '' ? signature : `${signature}-${what}`;
}

function spanOf({ from, to }: Offence) {
  return from === undefined || to === undefined ? {} : { from, to };
}

export const text: ObjectiveKind = {
  name: 'text',
  help: `what a model answers to prompts breaks a rule, as text:words,file=list.txt; without one ${USUAL.join(', ')}`,
  parameters: [],
  text: 'a rule, and behind commas its settings',
  rules: RULES,
  make({ name, text: asked }) {
    if (asked === '') {
      const own = instanceName('text', name);
      const rules = USUAL.map((rule): Named => {
        const { kind, settings } = askedRule(rule);
        return { signature: `${own}-${rule}`, rule: kind.make(settings) };
      });
      return makeText(own, rules);
    }
    const { kind, settings, name: inner } = askedRule(asked);
    const own = instanceName('text', name || inner || kind.name);
    return makeText(own, [{ signature: own, rule: kind.make(settings) }]);
  },
};
