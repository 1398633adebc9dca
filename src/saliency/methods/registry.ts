import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { SaliencyMethod } from '../method.ts';
import { attention } from './attention.ts';
import { edges } from './edges.ts';
import { gradCam } from './grad-cam.ts';
import { gradient } from './gradient.ts';
import { guidedBackprop } from './guided-backprop.ts';
import { guidedGradCam } from './guided-grad-cam.ts';
import { inputGradient } from './input-gradient.ts';
import { integratedGradients } from './integrated-gradients.ts';
import { occlusion } from './occlusion.ts';
import { smoothgrad } from './smoothgrad.ts';

/** All methods, in the order of tables. */
export const SALIENCY_METHODS: readonly SaliencyMethod[] = [
  gradient,
  smoothgrad,
  inputGradient,
  integratedGradients,
  guidedBackprop,
  gradCam,
  guidedGradCam,
  occlusion,
  attention,
  edges,
];

/**
 * A method by its name.
 *
 * @throws UserError where there is none, with a suggestion
 */
export function saliencyMethod(name: string): SaliencyMethod {
  const method = SALIENCY_METHODS.find((candidate) => candidate.name === name);
  if (method !== undefined) return method;
  const names = SALIENCY_METHODS.map((candidate) => candidate.name);
  throw new UserError(`--method: there is no method ${name}: ${suggestName(name, names)}`);
}
