import { ValidCondition } from '../constraints/valid-condition.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { isSmallPicture, rotation, SpatialMoves, spatialLimits } from '../mutators/image/spatial.ts';
import type { Affine } from '../mutators/image/warp.ts';
import { AttackedValues, type AttackKind, type AttackSettings, WorstFinder } from './attack.ts';

/** Shifts each way of the grid, and angles for small and for other pictures. */
const SHIFTS = 5;
const SMALL_ANGLES = 11;
const LARGE_ANGLES = 31;

/** Side of pictures of which the size is open. */
const USUAL_SIDE = 224;

/** `count` numbers from −most to most. */
function spread(most: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => -most + (2 * most * i) / (count - 1));
}

function anglesOf(size: Parameters<typeof isSmallPicture>[0]): number {
  return isSmallPicture(size) ? SMALL_ANGLES : LARGE_ANGLES;
}

/** The maps of the grid, from a pixel to its source. */
function gridOf(size: Parameters<typeof isSmallPicture>[0]): Affine[] {
  const { shift, degrees } = spatialLimits(size);
  const shifts = spread(shift, SHIFTS);
  return spread(degrees, anglesOf(size)).flatMap((angle) =>
    shifts.flatMap((x) => shifts.map((y) => rotation(angle, x, y))),
  );
}

/** The spatial grid attack of the contest's warm-up (Brown et al. 2018, section 4; Engstrom et al. 2019). */
export const spatial: AttackKind = {
  name: 'spatial',
  help: 'all rotations and shifts of a grid, of the picture within a black border',
  source: 'A Rotation and a Translation Suffice (Engstrom et al. 2019)',
  parameters: [],
  words: {
    valid: {
      help: 'condition over inputs, as --valid of fuzz takes it, that says which pictures count',
      takesRest: true,
    },
  },
  needsPicture: true,
  maxQueries: ({ descriptor: { picture } }) =>
    anglesOf({ height: picture?.height ?? USUAL_SIDE, width: picture?.width ?? USUAL_SIDE }) *
    SHIFTS *
    SHIFTS,
  make(_parameters, context: AttackSettings) {
    const values = new AttackedValues(context);
    const { valid } = context.words;
    const condition = valid === undefined ? undefined : new ValidCondition(valid, '--attack: spatial:valid');
    const candidatesOf = (data: TestcaseData): TestcaseData[] => {
      condition?.check(data);
      const picture = values.valuesOf(data);
      const bounds = values.boundsAround(data);
      const layout = values.layoutOf(data);
      const moves = new SpatialMoves(layout, picture.slice());
      moves.begin(picture);
      const moved = picture.slice();
      return gridOf(layout).flatMap((map) => {
        const staysInFrame = moves.move(map, moved, 0);
        if (condition === undefined && !staysInFrame) return [];
        const candidate = values.withValues(data, moved, bounds);
        return condition?.holds(candidate, 0, data) === false ? [] : [candidate];
      });
    };
    return {
      async run(inputs, oracle) {
        const outcomes = [];
        for (const [i, input] of inputs.entries()) {
          const candidates = candidatesOf(input.data);
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
