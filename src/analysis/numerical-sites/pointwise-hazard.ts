import { type FloatLimits, type Hazard, spacing } from './hazard.ts';

/** An unsafe region of single values, which monotone operations map to one of single values. */
export type PointwiseHazard = Extract<Hazard, { readonly kind: 'below' | 'above' | 'at' }>;

export function isPointwise(hazard: Hazard): hazard is PointwiseHazard {
  return hazard.kind === 'below' || hazard.kind === 'above' || hazard.kind === 'at';
}

/** The region of x in which factor · x + offset is unsafe. */
export function throughAffine(
  hazard: PointwiseHazard,
  factor: number,
  offset: number,
  limits: FloatLimits,
): PointwiseHazard {
  const bound = (hazard.bound - offset) / factor;
  const unit = spacing(bound, limits);
  if (hazard.kind === 'at' || factor > 0) return { ...hazard, bound, unit };
  return { ...hazard, kind: hazard.kind === 'below' ? 'above' : 'below', bound, unit };
}

/**
 * The region of x in which an increasing function is unsafe.
 *
 * @param min the function's least value, which it has at `atMin` and below
 * @param max its greatest value, which it has at `atMax` and above
 * @param inverse of the function between them
 * @returns undefined if the function never comes to an unsafe value
 */
export function throughMonotone(
  hazard: PointwiseHazard,
  min: number,
  max: number,
  inverse: (y: number) => number,
  limits: FloatLimits,
  atMin = min,
  atMax = max,
): PointwiseHazard | undefined {
  const { bound: y } = hazard;
  const bound = y <= min ? atMin : y >= max ? atMax : inverse(y);
  const unit = spacing(bound, limits);
  switch (hazard.kind) {
    case 'below':
      return y < min || (y === min && hazard.strict === true) ? undefined : { ...hazard, bound, unit };
    case 'above':
      return y > max || (y === max && hazard.strict === true) ? undefined : { ...hazard, bound, unit };
    case 'at':
      if (y < min || y > max) return undefined;
      return { kind: y === min ? 'below' : y === max ? 'above' : 'at', bound, unit };
  }
}
