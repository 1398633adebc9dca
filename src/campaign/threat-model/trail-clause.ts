import type { Outcome, ThreatEvidence } from './evidence.ts';

/** Mutators whose mutants may mean something else than their parents. */
export const ALTERING_MUTATORS: ReadonlySet<string> = new Set([
  'bisect',
  'blend',
  'category',
  'copy',
  'crossover',
  'interpolate',
  'latent',
  'latent-interpolate',
  'mirror',
  'negate',
  'permute',
  'phrase',
  'splice',
  'unusual',
]);

/** The largest setting of mutators that keep the meaning of a picture without a limit on its distance. */
const MILD_TURN = { rotate: 10, translate: 0.1 } as const;

/** The mildest severities of ImageNet-C, of 5. */
const MILD_SEVERITY = /^[a-z-]+:severity=[12]$/;

/**
 * Whether mutators alone kept the meaning: none of the family tree may change it. Without a limit on the distance, a single mild
 * corruption, rotation or shift is allowed.
 */
export function trailOutcome({ settings, trail }: ThreatEvidence): Outcome {
  if (trail === undefined) return undefined;
  const altering = trail.find((step) => ALTERING_MUTATORS.has(nameOf(step)));
  if (altering !== undefined) return `${altering} made it, which may alter the meaning`;
  const { linf, l2, l0, edits, valid } = settings;
  if ([linf, l2, l0, edits, valid].some((limit) => limit !== undefined)) return true;
  if (trail.length > 1) return `${trail.join(', ')} made it, and without a limit one mutation is allowed`;
  const strong = trail.find((step) => !specsOf(settings.mutator, step).every(isMild));
  return strong === undefined || `${strong} made it, which is not a mild corruption, rotation or shift`;
}

/** The name of a mutator in a step `input:name`. */
function nameOf(step: string): string {
  return step.slice(step.lastIndexOf(':') + 1);
}

/** The specs of a step's mutator; the name alone where campaign.yaml has none. */
function specsOf(mutators: ThreatEvidence['settings']['mutator'], step: string): string[] {
  const name = nameOf(step);
  const listed = mutators?.[step.slice(0, step.lastIndexOf(':'))];
  const specs = [listed].flat().flatMap((spec) => (typeof spec === 'string' ? [spec] : []));
  const listedSpecs = specs.filter((spec) => spec === name || spec.startsWith(`${name}:`));
  return listedSpecs.length === 0 ? [name] : listedSpecs;
}

function isMild(spec: string): boolean {
  if (MILD_SEVERITY.test(spec)) return true;
  return Object.entries(MILD_TURN).some(([name, most]) => {
    const value = new RegExp(`^${name}:most=([^,]+)$`).exec(spec)?.[1];
    return value !== undefined && Number(value) <= most;
  });
}
