import { makeCorruption } from './corruption.ts';
import { makeNoise } from './noisy.ts';

/** x + N(0, c). */
export const gaussianNoise = makeCorruption(
  { name: 'gaussian-noise', help: 'Gaussian noise on every level', cost: 110 },
  [0.08, 0.12, 0.18, 0.26, 0.38],
  makeNoise((level, draw, deviation) => level + deviation * draw),
);
