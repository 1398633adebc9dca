/** Sine of an angle below which two directions count as one, or as opposite: between them no arc is shortest. */
const LEAST_SINE = 1e-6;

/**
 * Writes a point between two vectors: their directions are interpolated along the great arc between them (Shoemake 1985), their lengths
 * along a line. Where the directions are the same, opposite or unknown, it is a point of the line.
 *
 * @param share 0 for the first vector, 1 for the second; may lie beyond
 */
export function slerp(out: Float32Array, a: ArrayLike<number>, b: ArrayLike<number>, share: number): void {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < out.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  const [lengthA, lengthB] = [Math.sqrt(aa), Math.sqrt(bb)];
  const angle = lengthA * lengthB > 0 ? Math.acos(Math.min(1, Math.max(-1, dot / (lengthA * lengthB)))) : 0;
  const sine = Math.sin(angle);
  if (Math.abs(sine) < LEAST_SINE) {
    for (let i = 0; i < out.length; i++) out[i] = a[i] + share * (b[i] - a[i]);
    return;
  }
  const length = lengthA + share * (lengthB - lengthA);
  const [ofA, ofB] = [
    (length * Math.sin((1 - share) * angle)) / sine / lengthA,
    (length * Math.sin(share * angle)) / sine / lengthB,
  ];
  for (let i = 0; i < out.length; i++) out[i] = ofA * a[i] + ofB * b[i];
}
