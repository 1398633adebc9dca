import type { WorkingArray } from '../constraints/bounds.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { Layout } from '../mutators/image/layout.ts';
import { type Affine, warp } from '../mutators/image/warp.ts';
import { type AttackContext, AttackedValues, type AttackKind, isSmall, WorstFinder } from './attack.ts';

/** Shifts each way of the grid. */
const SHIFTS = 5;

/** Side of the pictures that the lengths of the large grid are for. */
const IMAGENET_SIDE = 224;

/** Largest change of Σ|level| by a map that keeps the picture within its frame. */
const MAX_SUM_CHANGE = 0.1;

/** A grid of rotations and shifts, in pixels and degrees. */
interface Grid {
  readonly shift: number;
  readonly degrees: number;
  readonly angles: number;
  readonly border: number;
  /** Whether pictures that left their frame do not count. */
  readonly isChecked: boolean;
}

const SMALL_GRID: Grid = { shift: 10, degrees: 10, angles: 11, border: 4, isChecked: true };

/** The grid for pictures of a size: that of the contest for MNIST, or that for ImageNet, scaled. */
function gridFor(layout: Pick<Layout, 'height' | 'width'>): Grid {
  if (isSmall(layout)) return SMALL_GRID;
  const scale = Math.min(layout.height, layout.width) / IMAGENET_SIDE;
  return { shift: 18 * scale, degrees: 30, angles: 31, border: 20 * scale, isChecked: false };
}

/** `count` numbers from −most to most. */
function spread(most: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => -most + (2 * most * i) / (count - 1));
}

/** The maps of the grid, from a pixel to its source. */
function mapsOf({ shift, degrees, angles }: Grid): Affine[] {
  return spread(degrees, angles).flatMap((angle) => {
    const cos = Math.cos((angle * Math.PI) / 180);
    const sin = Math.sin((angle * Math.PI) / 180);
    return spread(shift, SHIFTS).flatMap((c) =>
      spread(shift, SHIFTS).map((f) => ({ a: cos, b: sin, c, d: -sin, e: cos, f })),
    );
  });
}

/** Shrinks a picture into a black border of so many pixels on each side. */
function shrink(picture: WorkingArray, layout: Layout, border: number, out: WorkingArray): void {
  const a = layout.width / Math.max(1, layout.width - 2 * border);
  const e = layout.height / Math.max(1, layout.height - 2 * border);
  warp(picture, out, 0, layout, { a, b: 0, c: 0, d: 0, e, f: 0 });
}

/** Σ|x| in levels from black. */
export function levelSum(
  picture: WorkingArray,
  { black, white, channels, channelStep }: Pick<Layout, 'black' | 'white' | 'channels' | 'channelStep'>,
): number {
  let sum = 0;
  for (let i = 0; i < picture.length; i++) {
    const channel = channelStep === 1 ? i % channels : Math.floor(i / channelStep);
    sum += Math.abs((picture[i] - black[channel]) / (white[channel] - black[channel]));
  }
  return sum;
}

/** The pictures of the grid that count. */
function candidatesOf(data: TestcaseData, values: AttackedValues): TestcaseData[] {
  const layout = values.layoutOf(data);
  const grid = gridFor(layout);
  const picture = values.valuesOf(data);
  const bounds = values.boundsAround(data);
  const shrunk = picture.slice();
  const moved = picture.slice();
  shrink(picture, layout, grid.border, shrunk);
  const sum = levelSum(shrunk, layout);
  return mapsOf(grid).flatMap((map) => {
    warp(shrunk, moved, 0, layout, map);
    if (grid.isChecked && Math.abs(levelSum(moved, layout) - sum) > MAX_SUM_CHANGE * sum) return [];
    return [values.withValues(data, moved, bounds)];
  });
}

function gridSize({ picture }: InputDescriptor): number {
  const { angles } = gridFor({
    height: picture?.height ?? IMAGENET_SIDE,
    width: picture?.width ?? IMAGENET_SIDE,
  });
  return angles * SHIFTS * SHIFTS;
}

/** The spatial grid attack of the contest's warm-up (Brown et al. 2018, section 4; Engstrom et al. 2019). */
export const spatial: AttackKind = {
  name: 'spatial',
  help: 'all rotations and shifts of a grid, of the picture within a black border',
  source: 'A Rotation and a Translation Suffice (Engstrom et al. 2019)',
  parameters: [],
  needsPicture: true,
  maxQueries: ({ descriptor }) => gridSize(descriptor),
  make(_parameters, context: AttackContext) {
    const values = new AttackedValues(context);
    return {
      async run(inputs, oracle) {
        const outcomes = [];
        for (const [i, input] of inputs.entries()) {
          const candidates = candidatesOf(input.data, values);
          const answers = await oracle.ask(candidates.map((data) => ({ data, label: input.label })));
          const worst = new WorstFinder(input, context.threshold);
          answers.forEach((answer, k) => void worst.take(candidates[k], answer));
          outcomes.push(worst.outcome);
          oracle.onShare((i + 1) / inputs.length);
        }
        return outcomes;
      },
    };
  },
};
