import type { BoundsTracker, WorkingArray } from '../constraints/bounds.ts';
import { drawNormal, type Random } from '../core/random.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { AttackContext, AttackedValues } from './attack.ts';
import { linfLimit } from './linf.ts';

/** Share of an L2 limit that is used: rounding to single precision does not lead out of the ball. */
const ROUNDED_SHARE = 1 - 1e-6;

/** The points that an attack may reach around an input: legal values within an L∞ or an L2 distance. */
export class Ball {
  readonly bounds: BoundsTracker;
  readonly #radius: number;
  readonly #isEuclidean: boolean;
  readonly #centre: WorkingArray;

  /** @param share L∞ limit of a spec as a share of the span; undefined for that of the settings, or the attack's own */
  constructor(data: TestcaseData, values: AttackedValues, context: AttackContext, share: number | undefined) {
    const { linf, l2 } = context;
    this.#centre = values.valuesOf(data);
    if (l2 !== undefined && share === undefined && linf === undefined) {
      this.#isEuclidean = true;
      this.#radius = l2 * ROUNDED_SHARE;
      this.bounds = values.boundsAround(data);
    } else {
      this.#isEuclidean = false;
      this.#radius = linfLimit(data, values, context, share);
      this.bounds = values.boundsAround(data, this.#radius);
    }
  }

  get centre(): WorkingArray {
    return this.#centre.slice();
  }

  /** A random point: uniform in the L∞ ball; in the L2 ball of uniform direction and distance. */
  draw(random: Random): WorkingArray {
    const point = this.centre;
    if (this.#isEuclidean) {
      const direction = Float64Array.from(point, () => drawNormal(random));
      this.#move(point, direction, random.uniform());
    } else for (let i = 0; i < point.length; i++) point[i] += this.#radius * (2 * random.uniform() - 1);
    return this.#project(point);
  }

  /**
   * Steps up a gradient: along its signs in the L∞ ball, along itself in the L2 ball. Values whose gradient is 0 or not finite stay.
   *
   * @param share length of the step, as a share of the limit
   */
  ascend(point: WorkingArray, gradient: Float32Array, share: number): void {
    const slope = Float64Array.from(gradient, (part) => (Number.isFinite(part) ? part : 0));
    if (this.#isEuclidean) this.#move(point, slope, share);
    else for (let i = 0; i < point.length; i++) point[i] += share * this.#radius * Math.sign(slope[i]);
    this.#project(point);
  }

  /** Moves a point along a direction by a share of the radius. */
  #move(point: WorkingArray, direction: Float64Array, share: number): void {
    const length = norm(direction);
    if (length === 0) return;
    for (let i = 0; i < point.length; i++) point[i] += (share * this.#radius * direction[i]) / length;
  }

  #project(point: WorkingArray): WorkingArray {
    const { low, high } = this.bounds;
    // The centre is legal: clipping leads toward it, so that it shortens the distance.
    for (let i = 0; i < point.length; i++) point[i] = Math.min(high[i], Math.max(low[i], point[i]));
    if (!this.#isEuclidean) return point;
    const distance = norm(Float64Array.from(point, (value, i) => value - this.#centre[i]));
    const scale = distance > this.#radius ? this.#radius / distance : 1;
    for (let i = 0; i < point.length; i++) point[i] = this.#centre[i] + scale * (point[i] - this.#centre[i]);
    return point;
  }
}

function norm(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
