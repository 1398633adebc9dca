import { createHash } from 'node:crypto';
import type { AttackContext, AttackedInput, AttackOutcome } from '../attacks/attack.ts';
import { ATTACKS } from '../attacks/registry.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import type { ModelSession } from '../workers/model-session.ts';
import { fuzzInputs } from './contest-fuzz.ts';
import type { SavedOutcomes } from './saved-outcomes.ts';

/** Inputs that are attacked together. Whatever the number of workers, the same inputs share runs of the model. */
const CHUNK_INPUTS = 16;

/** Longest name of an attack in a signature. */
const MAX_NAME = 40;

/** An attack as it was asked for. */
export interface NamedAttack {
  readonly spec: string;
  /** Its name in signatures. */
  readonly name: string;
}

/** An attack with what it found for each input. */
export interface AttackResult {
  readonly attack: NamedAttack;
  readonly outcomes: readonly AttackOutcome[];
}

/**
 * The attacks of specs, each once; `clean` is the first.
 *
 * @param refusal why the model has no gradients; undefined where it has
 * @throws UserError on an unknown attack, settings that make no sense, or an attack that needs pictures or gradients where there
 *   are none
 */
export function namedAttacks(
  specs: readonly string[],
  descriptor: InputDescriptor,
  refusal?: string,
): NamedAttack[] {
  return [...new Set(['clean', ...specs])].map((spec) => {
    const { kind } = ATTACKS.resolveBuiltIn(spec);
    if (kind.needsPicture && descriptor.picture === undefined)
      throw new UserError(
        `--attack: ${kind.name} is for pictures, and input ${descriptor.name} takes none: leave it out`,
      );
    if (kind.needsGradient === true && refusal !== undefined)
      throw new UserError(
        `--attack: ${kind.name} needs gradients (${refusal}): leave it out, or name square, which needs none`,
      );
    return { spec, name: signatureName(spec) };
  });
}

/** A spec as a part of signatures: as it is where that is legal, else with a hash that tells apart what looks alike. */
function signatureName(spec: string): string {
  const plain = spec.replaceAll(/[:,=]/g, '-');
  if (/^[A-Za-z0-9_.-]+$/.test(plain) && plain.length <= MAX_NAME) return plain;
  const digest = createHash('sha256').update(spec).digest('hex').slice(0, 6);
  const readable = plain.replaceAll(/[^A-Za-z0-9_.-]+/g, '-').slice(0, MAX_NAME - digest.length - 1);
  return `${readable}-${digest}`;
}

interface Contest {
  readonly config: CampaignConfig;
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  readonly context: AttackContext;
  /** What an earlier run of the same command found; without it, outcomes are not saved. */
  readonly saved?: Pick<SavedOutcomes, 'get'>;
}

const NOTHING_SAVED: Pick<SavedOutcomes, 'get'> = { get: (_request, attack) => attack() };

/** Runs attacks, in chunks of inputs that the sessions take one after the other. */
export async function attackAll(
  sessions: readonly ModelSession[],
  attacks: readonly NamedAttack[],
  { config, inputs, rule, context, saved = NOTHING_SAVED }: Contest,
  onProgress: OnProgress,
): Promise<readonly AttackResult[]> {
  const results = attacks.map((attack) => ({ attack, outcomes: new Array<AttackOutcome>(inputs.length) }));
  const chunks = results.flatMap((result) => {
    const { kind, values } = ATTACKS.resolveBuiltIn(result.attack.spec);
    if (kind.isCampaign === true) return [];
    const cost = kind.maxQueries(context, values);
    return Array.from({ length: Math.ceil(inputs.length / CHUNK_INPUTS) }, (_, i) => {
      const from = i * CHUNK_INPUTS;
      const chunk = inputs.slice(from, from + CHUNK_INPUTS);
      const sent = kind.needsRival === true ? chunk : chunk.map(({ rival: _rival, ...input }) => input);
      return { ...result, from, inputs: sent, queries: cost * chunk.length, share: 0 };
    });
  });
  const total = chunks.reduce((sum, { queries }) => sum + queries, 0);
  const report = (): void =>
    onProgress({
      label: 'attacking',
      done: Math.round(chunks.reduce((sum, { queries, share }) => sum + queries * share, 0)),
      total,
      isUpperBound: true,
      unit: 'query',
      units: 'queries',
    });
  let next = 0;
  const work = async (session: ModelSession): Promise<void> => {
    while (next < chunks.length) {
      const item = chunks[next++];
      const request = { attack: item.attack.spec, inputs: item.inputs, context, rule };
      const outcomes = await saved.get(request, () =>
        session.attack(request, (share) => {
          item.share = share;
          report();
        }),
      );
      item.share = 1;
      outcomes.forEach((outcome, i) => {
        item.outcomes[item.from + i] = outcome;
      });
      report();
    }
  };
  report();
  await Promise.all(sessions.map(work));
  for (const { attack, outcomes } of results) {
    const { kind, values } = ATTACKS.resolveBuiltIn(attack.spec);
    if (kind.isCampaign !== true) continue;
    const found = await saved.get({ attack: attack.spec, inputs, rule, context }, () =>
      fuzzInputs(sessions[0], config, { inputs, rule, context }, values, onProgress),
    );
    found.forEach((outcome, i) => {
      outcomes[i] = outcome;
    });
  }
  return results;
}
