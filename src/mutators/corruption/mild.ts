import { MUTATORS } from '../registry.ts';
import { SEVERITY } from './severity.ts';

/** Severities of ImageNet-C, of 5, that leave no doubt what a picture shows. */
const MILD_SEVERITIES = [1, 2] as const;

/** Changes of a picture that keep its meaning without a limit on the distance, if one of them is made once: specs of mutators. */
export function mildMutators(): string[] {
  const corruptions = MUTATORS.list().filter(({ parameters }) => parameters.includes(SEVERITY));
  return [
    ...corruptions.flatMap(({ name }) => MILD_SEVERITIES.map((severity) => `${name}:severity=${severity}`)),
    'rotate:most=10',
    'translate:most=0.1',
  ];
}
