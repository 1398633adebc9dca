import { randomStream } from '../src/core/random.ts';
import { makePlasma } from '../src/mutators/corruption/plasma.ts';

type Colour = readonly [red: number, green: number, blue: number];

function mixed(a: Colour, b: Colour, share: number): Colour {
  const part = Math.min(1, Math.max(0, share));
  return [a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1]), a[2] + part * (b[2] - a[2])];
}

/**
 * A landscape that looks like a photograph: sky with clouds, sun, two ridges, a meadow and trees.
 *
 * @returns levels from 0 to 1, `[side, side, 3]`
 */
export function drawScene(side: number): Float32Array {
  const random = randomStream('scene');
  const clouds = makePlasma(side);
  clouds.draw(1.8, random);
  const ground = makePlasma(side);
  ground.draw(1.5, random);
  const ridge = (x: number, height: number, waves: number, phase: number): number =>
    height + 0.06 * Math.sin(waves * x + phase) + 0.03 * Math.sin(2.7 * waves * x + 2 * phase);
  const trees = Array.from({ length: 9 }, (_, i) => ({
    x: (i + 0.5) / 9 + 0.06 * (random.uniform() - 0.5),
    top: 0.6 + 0.06 * random.uniform(),
    wide: 0.025 + 0.02 * random.uniform(),
  }));
  const levels = new Float32Array(side * side * 3);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const [x, y] = [column / side, row / side];
      const grain = ground.heights[row * ground.side + column];
      let colour = mixed([0.25, 0.47, 0.8], [0.8, 0.88, 0.95], y / 0.6);
      colour = mixed(colour, [0.97, 0.97, 0.95], 2.2 * (clouds.heights[row * clouds.side + column] - 0.5));
      const sun = Math.hypot(x - 0.75, y - 0.2);
      colour = mixed([1, 0.95, 0.7], colour, (sun - 0.06) / 0.05);
      if (y > ridge(x, 0.46, 9, 1)) colour = mixed([0.42, 0.5, 0.62], [0.52, 0.58, 0.66], grain);
      if (y > ridge(x, 0.56, 6, 4)) colour = mixed([0.2, 0.34, 0.28], [0.34, 0.46, 0.32], grain);
      if (y > ridge(x, 0.7, 3, 2)) colour = mixed([0.3, 0.48, 0.16], [0.62, 0.66, 0.3], grain * (0.4 + y));
      for (const { x: middle, top, wide } of trees) {
        const below = (y - top) / (0.8 - top);
        const isTree = below > 0 && below < 1 && Math.abs(x - middle) < wide * below;
        if (isTree) colour = mixed([0.06, 0.18, 0.1], [0.16, 0.32, 0.16], grain);
      }
      levels.set(colour, (row * side + column) * 3);
    }
  }
  return levels;
}
