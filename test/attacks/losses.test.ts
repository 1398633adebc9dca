import { expect, test } from '@jest/globals';
import { LOSSES, type LossKind, lossGradient } from '../../src/attacks/losses.ts';

const LOGITS = Float64Array.of(1.5, -0.5, 0.75, 0.2);

/** The losses in double precision, written out. */
const VALUES: Readonly<Record<LossKind, (z: Float64Array, label: number) => number>> = {
  'cross-entropy': (z, label) => Math.log(z.reduce((sum, value) => sum + Math.exp(value), 0)) - z[label],
  dlr: (z, label) => {
    const [first, , third] = Array.from(z).sort((a, b) => b - a);
    return -(z[label] - Math.max(...z.filter((_, k) => k !== label))) / (first - third);
  },
  margin: (z, label) => Math.max(...z.filter((_, k) => k !== label)) - z[label],
};

const CASES = LOSSES.flatMap((loss) => [0, 1, 2, 3].map((label) => [loss, label] as const));

test.each(CASES)('the gradient of %s at class %d is that of its differences', (loss, label) => {
  const gradient = lossGradient(loss, LOGITS, label, false);
  const h = 1e-4;
  LOGITS.forEach((value, k) => {
    const [above, below] = [value + h, value - h].map((z) => VALUES[loss](LOGITS.with(k, z), label));
    expect(gradient[k]).toBeCloseTo((above - below) / (2 * h), 4);
  });
});

test.each(CASES)('of %s at class %d and softmax shares, that of their logarithms', (loss, label) => {
  const sum = LOGITS.reduce((total, value) => total + Math.exp(value), 0);
  const shares = LOGITS.map((value) => Math.exp(value) / sum);
  const gradient = lossGradient(loss, shares, label, true);
  const h = 1e-5;
  shares.forEach((share, k) => {
    const [above, below] = [share + h, share - h].map((p) =>
      VALUES[loss](shares.with(k, p).map(Math.log), label),
    );
    const slope = (above - below) / (2 * h);
    // The logarithms are no longer normalised; the cross-entropy takes them as they are, too.
    expect(Math.abs(gradient[k] - slope)).toBeLessThan(1e-3 * Math.max(1, Math.abs(slope)));
  });
});

test('cross-entropy is flat in single precision where logits are large, and DLR does not change with their scale', () => {
  const scaled = LOGITS.map((value) => 200 * value);
  expect(lossGradient('cross-entropy', scaled, 0, false).every((part) => part === 0)).toBe(true);
  const [plain, large] = [LOGITS, scaled].map((logits) => lossGradient('dlr', logits, 0, false));
  plain.forEach((part, k) => {
    expect(200 * large[k]).toBeCloseTo(part, 5);
  });
});

test('scores that are not finite have no slope, and two classes no third', () => {
  expect(Array.from(lossGradient('dlr', Float64Array.of(1, Number.NaN, 0), 0, false))).toEqual([0, 0, 0]);
  expect(Array.from(lossGradient('dlr', Float64Array.of(1, 3), 0, false))).toEqual([-1, 1]);
});
