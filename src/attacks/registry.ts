import { Registry, type ResolvedExtension } from '../extensions/registry.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { Attack, AttackContext, AttackKind } from './attack.ts';
import { boundary } from './boundary.ts';
import { clean } from './clean.ts';
import { withCombination } from './combination.ts';
import { corruptions } from './corruptions.ts';
import { fuzz } from './fuzz.ts';
import { pgd } from './pgd.ts';
import { random } from './random.ts';
import { spatial } from './spatial.ts';
import { spsa } from './spsa.ts';
import { square } from './square.ts';

/** The attacks, and how specs of `--attack` are resolved. */
export const ATTACKS = new Registry<AttackKind>({
  flag: '--attack',
  noun: 'attack',
  kinds: [clean, spatial, corruptions, square, boundary, pgd, spsa, fuzz, random],
});

/** The attacks that suit an input and take few queries, by their names. */
export function defaultAttacks(
  { picture }: Pick<InputDescriptor, 'picture'>,
  hasGradient: boolean,
): string[] {
  return ATTACKS.list().flatMap(({ name, needsPicture, needsGradient = false, isExpensive = false }) =>
    isExpensive || (needsPicture && picture === undefined) || (needsGradient && !hasGradient) ? [] : [name],
  );
}

/** Makes the attack of a spec. @throws UserError on an unknown attack, or settings that make no sense */
export function makeAttack(spec: string, context: AttackContext): Attack {
  const { kind, values, words }: ResolvedExtension<AttackKind> = ATTACKS.resolveBuiltIn(spec);
  const attack = kind.make(values, { ...context, words });
  return kind.isCombinable === true ? withCombination(kind.name, attack, context) : attack;
}
