import type { Random } from '../../src/core/random.ts';
import { SIDE as DRAWN_SIDE, drawDigit } from '../nan-digits/digits.ts';

/** Side of a small digit in pixels. */
export const SIDE = 8;
export const PIXELS = SIDE * SIDE;
export const CLASSES = 10;

/** Shares of drawn pixels in each small one, along a side. */
const OVERLAP = Array.from({ length: SIDE }, (_, small) => {
  const width = DRAWN_SIDE / SIDE;
  const [from, to] = [small * width, (small + 1) * width];
  return Array.from(
    { length: DRAWN_SIDE },
    (_, drawn) => Math.max(0, Math.min(to, drawn + 1) - Math.max(from, drawn)) / width,
  );
});

/** A digit as means over a drawn one of 28×28 pixels, in its range. */
export function drawSmallDigit(label: number, random: Random): Float32Array {
  const drawn = drawDigit(label, random);
  const out = new Float32Array(PIXELS);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      let sum = 0;
      for (let v = 0; v < DRAWN_SIDE; v++)
        for (let u = 0; u < DRAWN_SIDE; u++)
          if (OVERLAP[y][v] > 0 && OVERLAP[x][u] > 0)
            sum += OVERLAP[y][v] * OVERLAP[x][u] * drawn[v * DRAWN_SIDE + u];
      out[y * SIDE + x] = sum;
    }
  return out;
}

/** So many small digits, of all classes in turn, `[count, 64]`. */
export function drawSmallDigits(count: number, random: Random): Float32Array {
  const images = new Float32Array(count * PIXELS);
  for (let i = 0; i < count; i++) images.set(drawSmallDigit(i % CLASSES, random), i * PIXELS);
  return images;
}
