import type { Random } from '../../src/core/random.ts';

/** Side of a drawn digit in pixels. */
export const SIDE = 28;

type Point = readonly [x: number, y: number];
type Stroke = readonly Point[];

/** Points along an arc of an ellipse; angles in turns, clockwise from three o'clock. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Stroke {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) * 24));
  return Array.from({ length: steps + 1 }, (_, i): Point => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / steps);
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  });
}

/** Every digit in one or more ways of writing it, in the unit square, y downward. */
const GLYPHS: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0.5, 0.5, 0.28, 0.4, 0, 1)], [arc(0.5, 0.5, 0.22, 0.4, 0.1, 1.08)]],
  [
    [
      [
        [0.52, 0.1],
        [0.5, 0.9],
      ],
    ],
    [
      [
        [0.36, 0.26],
        [0.54, 0.1],
        [0.54, 0.9],
      ],
    ],
    [
      [
        [0.36, 0.26],
        [0.54, 0.1],
        [0.54, 0.9],
      ],
      [
        [0.36, 0.9],
        [0.72, 0.9],
      ],
    ],
  ],
  [
    [[...arc(0.5, 0.32, 0.24, 0.22, -0.5, 0.08), [0.26, 0.88], [0.76, 0.88]]],
    [
      [...arc(0.48, 0.32, 0.24, 0.22, -0.42, 0.12), [0.34, 0.78]],
      [...arc(0.34, 0.84, 0.08, 0.06, 0.4, 0.9), [0.56, 0.88], [0.78, 0.84]],
    ],
  ],
  [
    [[...arc(0.46, 0.3, 0.24, 0.2, -0.42, 0.25), ...arc(0.46, 0.7, 0.27, 0.2, -0.25, 0.42)]],
    [[[0.26, 0.12], [0.72, 0.12], [0.46, 0.42], ...arc(0.46, 0.66, 0.27, 0.24, -0.25, 0.4)]],
  ],
  [
    [
      [
        [0.6, 0.1],
        [0.22, 0.62],
        [0.8, 0.62],
      ],
      [
        [0.62, 0.4],
        [0.62, 0.92],
      ],
    ],
    [
      [
        [0.28, 0.12],
        [0.26, 0.52],
        [0.74, 0.5],
      ],
      [
        [0.72, 0.1],
        [0.68, 0.92],
      ],
    ],
  ],
  [
    [[[0.74, 0.12], [0.32, 0.12], [0.28, 0.46], ...arc(0.48, 0.66, 0.26, 0.23, -0.32, 0.4)]],
    [
      [[0.3, 0.12], [0.3, 0.44], ...arc(0.46, 0.66, 0.26, 0.23, -0.3, 0.42)],
      [
        [0.3, 0.12],
        [0.76, 0.1],
      ],
    ],
  ],
  [
    [[[0.64, 0.1], [0.36, 0.44], ...arc(0.5, 0.68, 0.24, 0.22, -0.45, 0.55)]],
    [[...arc(0.62, 0.52, 0.36, 0.42, -0.2, -0.5), ...arc(0.5, 0.7, 0.24, 0.2, -0.5, 0.5)]],
  ],
  [
    [
      [
        [0.24, 0.12],
        [0.76, 0.12],
        [0.42, 0.92],
      ],
    ],
    [
      [
        [0.24, 0.14],
        [0.76, 0.12],
        [0.46, 0.92],
      ],
      [
        [0.38, 0.5],
        [0.72, 0.5],
      ],
    ],
  ],
  [
    [arc(0.5, 0.3, 0.2, 0.2, 0, 1), arc(0.5, 0.7, 0.25, 0.21, 0, 1)],
    [[...arc(0.5, 0.3, 0.2, 0.2, 0.25, 1.25), ...arc(0.5, 0.7, 0.24, 0.2, -0.25, 0.75)]],
  ],
  [
    [
      arc(0.48, 0.32, 0.22, 0.21, 0, 1),
      [
        [0.7, 0.32],
        [0.68, 0.6],
        [0.56, 0.92],
      ],
    ],
    [[...arc(0.5, 0.32, 0.22, 0.21, -0.05, -1), [0.72, 0.3], [0.7, 0.92]]],
  ],
];

/**
 * Draws one digit as 28×28 grey values in [-1, 1] (ink is 1): strokes with jittered points, a random
 * rotation, shear, scale, shift and thickness, and soft edges. A function of `digit` and `random` alone.
 */
export function drawDigit(digit: number, random: Random): Float32Array {
  const between = (low: number, high: number): number => low + (high - low) * random.uniform();
  const ways = GLYPHS[digit];
  const way = ways[random.below(ways.length)];
  const turn = between(-0.22, 0.22);
  const shear = between(-0.25, 0.25);
  const width = between(0.7, 1.1) * 20;
  const height = between(0.8, 1.1) * 20;
  const shiftX = between(-2, 2);
  const shiftY = between(-2, 2);
  const radius = between(0.8, 1.7);
  const softness = between(0.5, 0.9);
  const wobble = 0.025;
  const cos = Math.cos(turn);
  const sin = Math.sin(turn);

  const place = ([x, y]: Point): Point => {
    const u = (x - 0.5 + between(-wobble, wobble)) * width;
    const v = (y - 0.5 + between(-wobble, wobble)) * height;
    const slanted = u - shear * v;
    return [SIDE / 2 + cos * slanted - sin * v + shiftX, SIDE / 2 + sin * slanted + cos * v + shiftY];
  };

  const pixels = new Float32Array(SIDE * SIDE).fill(-1);
  for (const stroke of way) {
    const points = stroke.map(place);
    for (let i = 1; i < points.length; i++) {
      inkSegment(pixels, points[i - 1], points[i], radius, softness);
    }
  }
  return pixels;
}

function inkSegment(pixels: Float32Array, a: Point, b: Point, radius: number, softness: number): void {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const length2 = dx * dx + dy * dy;
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const px = column + 0.5 - a[0];
      const py = row + 0.5 - a[1];
      const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length2));
      const distance = Math.hypot(px - along * dx, py - along * dy);
      const ink = 2 * Math.min(1, Math.max(0, (radius - distance) / softness + 0.5)) - 1;
      const at = row * SIDE + column;
      if (ink > pixels[at]) pixels[at] = ink;
    }
  }
}
