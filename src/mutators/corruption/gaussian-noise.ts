import { corruption } from './corruption.ts';
import { noisy } from './noisy.ts';

/** x + N(0, c). */
export const gaussianNoise = corruption(
  { name: 'gaussian-noise', help: 'Gaussian noise on every level', cost: 110 },
  [0.08, 0.12, 0.18, 0.26, 0.38],
  noisy((level, draw, deviation) => level + deviation * draw),
);
