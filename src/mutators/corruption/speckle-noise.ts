import { makeCorruption } from './corruption.ts';
import { makeNoise } from './noisy.ts';

/** x + x·N(0, c). */
export const speckleNoise = makeCorruption(
  { name: 'speckle-noise', help: 'Gaussian noise that grows with the level', cost: 90 },
  [0.15, 0.2, 0.35, 0.45, 0.6],
  makeNoise((level, draw, deviation) => level * (1 + deviation * draw)),
);
