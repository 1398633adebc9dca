import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AttackContext, AttackedInput, AttackOutcome } from '../attacks/attack.ts';
import { AUDIT_ATTACKS, type AuditAttack, type AuditProbe, CURVE } from '../audit/checks.ts';
import type { Correct } from '../audit/paired.ts';
import type { SlopeFacts } from '../audit/slopes.ts';
import { surrogateRefusal } from '../audit/surrogate.ts';
import { chooseAnswerRule } from '../campaign/resolve/abstention/answer-rule.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { ModelInfo } from '../model/model.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../model/testcase-batch.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import { findScores } from '../objectives/confident-error.ts';
import { argmax, RowReader } from '../objectives/output-difference.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { attackAll } from './contest-attacks.ts';
import { withSessions } from './with-sessions.ts';

/** Length of a step of PGD in all steps together, as a share of the limit. */
const PATH_LENGTH = 2.5;

/** Steps of the shorter search. */
const FEW_STEPS = 10;

/** Random points for an input. */
const RANDOM_QUERIES = 200;

/** How many times the queries an attack by outputs has where gradients are no help. */
const MORE_QUERIES = 10;

/** Runs of a random model, for a gradient and for a verdict; and of one batch, to see whether it is random. */
const DRAWS = { gradient: 16, answer: 10 } as const;
const RERUNS = 10;

/** Inputs whose slopes are measured together. */
const CHUNK_INPUTS = 16;

/** A model with the inputs that it is right on. */
export interface AuditedModel {
  readonly sessions: readonly [ModelSession, ...ModelSession[]];
  readonly config: CampaignConfig;
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  readonly classes: number;
  /** With the limit, and the threshold −∞: every wrong answer counts. */
  readonly context: AttackContext;
  readonly hasGradient: boolean;
}

export interface AttackBudget {
  readonly steps: number;
  readonly queries: number;
  /** Path of another model of the same task. */
  readonly against: string | undefined;
}

/** How the proper attack differs from PGD on the cross-entropy. */
export interface AdaptiveAttack {
  readonly isStraightThrough: boolean;
  readonly raisesDlr: boolean;
  /** By outputs alone, where none of this helps. */
  readonly byOutputs: boolean;
}

/** Runs the attacks of an audit, each once. */
export class AuditAttacks implements AuditProbe {
  readonly available: ReadonlySet<AuditAttack>;
  readonly hasGradient: boolean;
  /** Why the surrogate is not trained; undefined where it is. */
  readonly surrogateRefusal: string | undefined;
  isRandom = false;
  readonly #model: AuditedModel;
  readonly #budget: AttackBudget;
  readonly #onProgress: OnProgress;
  readonly #outcomes = new Map<AuditAttack, readonly AttackOutcome[]>();
  #slopes: readonly SlopeFacts[] | undefined;
  #adaptive: AdaptiveAttack | undefined;

  constructor(model: AuditedModel, budget: AttackBudget, onProgress: OnProgress) {
    this.#model = model;
    this.#budget = budget;
    this.#onProgress = onProgress;
    this.hasGradient = model.hasGradient;
    const { sessions, inputs, context } = model;
    this.surrogateRefusal = surrogateRefusal(sessions[0].info.inputs, inputs, context.position);
    const outside: AuditAttack[] = [
      'random',
      'outputs',
      ...(this.surrogateRefusal === undefined ? (['surrogate'] as const) : []),
      ...(budget.against === undefined ? [] : (['against'] as const)),
    ];
    const others: readonly AuditAttack[] = ['random', 'outputs', 'surrogate', 'against'];
    const inside = AUDIT_ATTACKS.filter((attack) => !others.includes(attack));
    this.available = new Set(this.hasGradient ? [...inside, ...outside] : [...outside, 'adaptive']);
  }

  /** What the attacks that ran left, in the order in which they ran. */
  get outcomes(): ReadonlyMap<AuditAttack, readonly AttackOutcome[]> {
    return this.#outcomes;
  }

  async after(attack: AuditAttack): Promise<Correct> {
    const known = this.#outcomes.get(attack) ?? (await this.#attack(attack));
    this.#outcomes.set(attack, known);
    return known.map(({ answer }) => !answer.isWrong);
  }

  /** Runs the attack that suits what the checks have shown; it is PGD itself where the model is random and no more. */
  attackProperly(adaptive: AdaptiveAttack): Promise<Correct> {
    this.#adaptive = adaptive;
    const isPgd = this.specOf('adaptive') === this.specOf('pgd');
    const known = isPgd ? this.#outcomes.get('pgd') : undefined;
    if (known !== undefined) this.#outcomes.set('adaptive', known);
    return this.after('adaptive');
  }

  /** The spec of an attack. */
  specOf(attack: AuditAttack): string {
    const { steps, queries } = this.#budget;
    const byOutputs = this.#model.context.l2 === undefined ? 'square' : 'boundary';
    const pgd = (count: number, settings: string): string =>
      `pgd:steps=${count},step=${Math.min(10, PATH_LENGTH / count)},${settings}`;
    switch (attack) {
      case 'pgd-dlr':
        return pgd(steps, 'gradient=exact,loss=dlr');
      case 'one-step':
        return 'pgd:steps=1,step=1,start=given,gradient=exact';
      case 'ten-steps':
        return pgd(FEW_STEPS, 'gradient=exact');
      case 'random':
        return `random:queries=${RANDOM_QUERIES}`;
      case 'outputs':
        return `${byOutputs}:queries=${queries}`;
      case 'surrogate':
      case 'against':
        return pgd(steps, 'gradient=straight-through');
      case 'adaptive': {
        const { isStraightThrough, raisesDlr } = this.#adaptive ?? {};
        if (this.#adaptive?.byOutputs !== false) return `${byOutputs}:queries=${MORE_QUERIES * queries}`;
        const gradient = isStraightThrough === true ? 'straight-through' : 'exact';
        return pgd(steps, `gradient=${gradient}${raisesDlr === true ? ',loss=dlr' : ''}`);
      }
      default:
        return pgd(steps, 'gradient=exact');
    }
  }

  async slopes(): Promise<readonly SlopeFacts[]> {
    if (this.#slopes !== undefined) return this.#slopes;
    const { sessions, inputs, rule, hasGradient } = this.#model;
    const starts = Array.from(
      { length: Math.ceil(inputs.length / CHUNK_INPUTS) },
      (_, i) => i * CHUNK_INPUTS,
    );
    const facts = new Map<number, readonly SlopeFacts[]>();
    let next = 0;
    const work = async (session: ModelSession): Promise<void> => {
      while (next < starts.length) {
        const from = starts[next++];
        const chunk = inputs.slice(from, from + CHUNK_INPUTS);
        facts.set(
          from,
          await session.measureSlopes({ inputs: chunk, rule, context: this.#context(), hasGradient }),
        );
      }
    };
    await Promise.all(sessions.map(work));
    this.#slopes = starts.flatMap((from) => facts.get(from) ?? []);
    return this.#slopes;
  }

  async reruns(): Promise<readonly { readonly difference: number; readonly changes: boolean }[]> {
    const { sessions, inputs, rule } = this.#model;
    const [session] = sessions;
    const isInner = rule.logits !== undefined && !session.info.outputs.includes(rule.logits);
    const reader = new RowReader();
    const runs: Float64Array[][] = [];
    for (let i = 0; i < RERUNS; i++) {
      const batches = await session.run(
        inputs.map(({ data }) => data),
        isInner && rule.logits !== undefined ? [rule.logits] : [],
      );
      runs.push(
        batches.flatMap((batch) => {
          const scores = findScores(batch, rule.logits);
          return Array.from({ length: batch.rows }, (_, row) =>
            scores === undefined ? new Float64Array() : reader.read(scores, row).slice(),
          );
        }),
      );
    }
    return inputs.map((_, i) => rerunFacts(runs.map((run) => run[i])));
  }

  async #attack(attack: AuditAttack): Promise<readonly AttackOutcome[]> {
    const { sessions, config, inputs, rule } = this.#model;
    const onProgress = this.#progressOf();
    if (attack === 'against') return this.#transfer(this.#budget.against ?? '', onProgress);
    if (attack === 'surrogate') return this.#transferFromSurrogate(onProgress);
    const context = this.#context(attack);
    const named = [{ spec: this.specOf(attack), name: attack }];
    const [{ outcomes }] = await attackAll(sessions, named, { config, inputs, rule, context }, onProgress);
    return outcomes;
  }

  /** The progress of one attack within that of all that may run. */
  #progressOf(): OnProgress {
    const total = this.available.size;
    const done = Math.min(this.#outcomes.size, total - 1);
    return (inner) =>
      this.#onProgress({ label: 'auditing', done, total, isUpperBound: true, unit: 'attack', inner });
  }

  #context(attack?: AuditAttack): AttackContext {
    const { context } = this.#model;
    const draws = this.isRandom ? { draws: DRAWS } : {};
    if (attack === 'unbounded') {
      const { low, high } = context.descriptor.range;
      return { ...context, ...draws, linf: high - low, l2: undefined };
    }
    const share = CURVE.find(([name]) => name === attack)?.[1] ?? 1;
    const { linf, l2 } = context;
    return {
      ...context,
      ...draws,
      linf: linf === undefined ? undefined : share * linf,
      l2: l2 === undefined ? undefined : share * l2,
    };
  }

  async #transferFromSurrogate(onProgress: OnProgress): Promise<readonly AttackOutcome[]> {
    const { sessions, inputs, rule, classes, context } = this.#model;
    const size = inputs[0].data.form.inputs[context.position].size;
    // A value of an L2 ball's points changes by about this.
    const amplitude = context.linf ?? (context.l2 ?? spanOf(context.descriptor)) / Math.sqrt(size);
    const request = { inputs, rule, context: this.#context(), classes, amplitude };
    const bytes = await sessions[0].trainSurrogate(request, (share) =>
      onProgress({
        label: 'training a surrogate',
        done: Math.round(100 * share),
        total: 100,
        unit: 'percent',
        units: 'percent',
      }),
    );
    const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-surrogate-'));
    try {
      const path = join(folder, 'surrogate.onnx');
      await writeFile(path, bytes);
      return await this.#transfer(path, onProgress);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** What inputs that were made for another model do to this one. */
  async #transfer(path: string, onProgress: OnProgress): Promise<readonly AttackOutcome[]> {
    const { sessions, config, inputs, rule, classes } = this.#model;
    const other = {
      ...config,
      model: path,
      runtime: 'auto',
      signature: undefined,
      tags: undefined,
      threatModel: undefined,
    } as const;
    const context = { ...this.#context('surrogate'), draws: undefined, threshold: Number.POSITIVE_INFINITY };
    const transferred = await withSessions(other, sessions.length, async (others) => {
      const [first] = others;
      const translated = inputs.map((input) => ({ ...input, data: asInputOf(first.info, input.data, path) }));
      const answers = await chooseAnswerRule(
        first,
        translated.map(({ data }) => data),
        'max-logit',
      );
      if (answers.classes !== classes)
        throw new UserError(
          `--against: ${path} knows ${answers.classes} classes, and the model ${classes}: name a model of the same task`,
        );
      const refusal = await first.gradientRefusal({ inputs: translated, rule: answers.rule, context });
      if (refusal !== undefined)
        throw new UserError(`--against: ${path} has no gradients (${refusal}): name another model`);
      const named = [{ spec: this.specOf('against'), name: 'against' }];
      const request = { config: other, inputs: translated, rule: answers.rule, context };
      return (await attackAll(others, named, request, onProgress))[0].outcomes;
    });
    const moved = inputs.map((input, i) => ({
      ...input,
      data: { form: input.data.form, inputs: transferred[i].data.inputs },
    }));
    const clean = [{ spec: 'clean', name: 'clean' }];
    const request = { config, inputs: moved, rule, context: this.#context('surrogate') };
    return (await attackAll(sessions, clean, request, () => {}))[0].outcomes;
  }
}

/** How the scores of one input differ between runs. */
function rerunFacts(runs: readonly Float64Array[]): {
  readonly difference: number;
  readonly changes: boolean;
} {
  const [first] = runs;
  const size = first.reduce((most, value) => Math.max(most, Math.abs(value)), Number.MIN_VALUE);
  let largest = 0;
  for (const run of runs)
    for (let k = 0; k < first.length; k++)
      if (!Object.is(run[k], first[k])) largest = Math.max(largest, Math.abs(run[k] - first[k]));
  return {
    difference: largest / size,
    changes: runs.some((run) => argmax(run) !== argmax(first)),
  };
}

/**
 * A testcase under the names of another model's inputs.
 *
 * @throws UserError where that takes others
 */
function asInputOf(
  { inputs }: ModelInfo,
  { form, inputs: values }: TestcaseData,
  path: string,
): TestcaseData {
  const pairs = inputs.map((input, i) => ({ input, given: form.inputs[i] }));
  const isSame = ({ input, given }: (typeof pairs)[number]): boolean => {
    const row = input.shape.slice(input.shape.length - (given?.shape.length ?? 0));
    return (
      given?.type === input.type &&
      given.shape.every((size, axis) => row[axis] === null || row[axis] === size)
    );
  };
  if (inputs.length !== form.inputs.length || !pairs.every(isSame))
    throw new UserError(
      `--against: ${path} takes other inputs than the model: name a model of the same task and the same shapes`,
    );
  return {
    form: shapeSignatureOf(pairs.map(({ input, given }) => makeTestcaseInput(input, given.shape))),
    inputs: values,
  };
}
