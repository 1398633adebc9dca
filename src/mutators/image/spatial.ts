import type { WorkingArray } from '../../constraints/bounds.ts';
import type { Random } from '../../core/random.ts';
import type { MutatorKind } from '../mutator.ts';
import { drawBetween, type Layout, makeLayoutCache } from './layout.ts';
import { type Affine, warp } from './warp.ts';

/** Side in pixels from which pictures are moved as those of ImageNet are. */
const LARGE_SIDE = 64;

/** Side of the pictures that the lengths for large ones are meant for. */
const IMAGENET_SIDE = 224;

/** Largest change of Σ|level| by a map that keeps the picture within its frame. */
const MAX_SUM_CHANGE = 0.1;

/** Draws of a map until one keeps the picture within its frame. */
const MAX_DRAWS = 20;

/** How far pictures are rotated and shifted, in degrees and pixels each way, after they are shrunk into a black border. */
export interface SpatialLimits {
  readonly shift: number;
  readonly degrees: number;
  readonly border: number;
  /** Whether pictures that left their frame do not count. */
  readonly isChecked: boolean;
}

const SMALL_LIMITS: SpatialLimits = { shift: 10, degrees: 10, border: 4, isChecked: true };

/** Whether a picture is changed as one of MNIST is. */
export function isSmallPicture({ height, width }: Pick<Layout, 'height' | 'width'>): boolean {
  return Math.min(height, width) < LARGE_SIDE;
}

/** The limits of the contest's warm-up for MNIST (Brown et al. 2018, section 4), or those for ImageNet, scaled. */
export function spatialLimits(layout: Pick<Layout, 'height' | 'width'>): SpatialLimits {
  if (isSmallPicture(layout)) return SMALL_LIMITS;
  const scale = Math.min(layout.height, layout.width) / IMAGENET_SIDE;
  return { shift: 18 * scale, degrees: 30, border: 20 * scale, isChecked: false };
}

/** The map that rotates by an angle in degrees and shifts by pixels. */
export function rotation(degrees: number, shiftX: number, shiftY: number): Affine {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return { a: cos, b: sin, c: shiftX, d: -sin, e: cos, f: shiftY };
}

/** Moves pictures that were shrunk into a black border. */
export class SpatialMoves {
  readonly layout: Layout;
  readonly #limits: SpatialLimits;
  readonly #shrunk: WorkingArray;
  #sum = 0;

  /** @param shrunk a buffer with room for a picture */
  constructor(layout: Layout, shrunk: WorkingArray) {
    this.layout = layout;
    this.#limits = spatialLimits(layout);
    this.#shrunk = shrunk;
  }

  /** Takes a picture to move. */
  begin(picture: WorkingArray): void {
    const { width, height } = this.layout;
    const { border } = this.#limits;
    const a = width / Math.max(1, width - 2 * border);
    const e = height / Math.max(1, height - 2 * border);
    warp(picture, this.#shrunk, 0, this.layout, { a, b: 0, c: 0, d: 0, e, f: 0 });
    this.#sum = levelSum(this.#shrunk, 0, this.layout);
  }

  /** Writes the moved picture; true unless a part of it left the frame of a small picture. */
  move(map: Affine, out: WorkingArray, offset: number): boolean {
    warp(this.#shrunk, out, offset, this.layout, map);
    if (!this.#limits.isChecked) return true;
    return Math.abs(levelSum(out, offset, this.layout) - this.#sum) <= MAX_SUM_CHANGE * this.#sum;
  }

  /** Writes the picture at a drawn place within its frame. */
  moveAtRandom(random: Random, out: WorkingArray, offset: number): void {
    const { shift, degrees } = this.#limits;
    for (let draw = 0; draw < MAX_DRAWS; draw++) {
      const angle = drawBetween(random, -degrees, degrees);
      const map = rotation(angle, drawBetween(random, -shift, shift), drawBetween(random, -shift, shift));
      if (this.move(map, out, offset)) return;
    }
    this.move(rotation(0, 0, 0), out, offset);
  }
}

/** Σ|x| in levels from black. */
function levelSum(
  values: WorkingArray,
  offset: number,
  { height, width, black, white, channels, channelStep }: Layout,
): number {
  const size = height * width * channels;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const channel = channelStep === 1 ? i % channels : Math.floor(i / channelStep);
    sum += Math.abs((values[offset + i] - black[channel]) / (white[channel] - black[channel]));
  }
  return sum;
}

/** Rotates and shifts the picture within a black border. */
export const spatial: MutatorKind = {
  name: 'spatial',
  help: 'rotates and shifts the picture within a black border, as the attack spatial of contest does',
  source: 'A Rotation and a Translation Suffice (Engstrom et al. 2019)',
  domains: ['image'],
  parameters: [],
  geometric: true,
  cost: 175,
  make(_values, input) {
    const layoutFor = makeLayoutCache(input);
    let moves: SpatialMoves | undefined;
    return {
      mutate(out, offset, parent, { shape, random }) {
        const layout = layoutFor(shape);
        if (moves?.layout !== layout) moves = new SpatialMoves(layout, parent.slice());
        moves.begin(parent);
        moves.moveAtRandom(random, out, offset);
      },
    };
  },
};
