import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { bytesOf, type Tensor } from '../../src/tensor/tensor.ts';

const LENGTH = 1 << 19;
const tensorOf = (value: (i: number) => number): Tensor => ({
  type: 'float32',
  shape: [LENGTH],
  data: Float32Array.from({ length: LENGTH }, (_, i) => value(i)),
});

test('a large picture of few levels is deflated, noise and small arrays are stored; all come back', () => {
  const random = randomStream('npz');
  const picture = tensorOf((i) => Math.floor(i / 64) % 7);
  const noise = tensorOf(() => random.uniform());
  const small: Tensor = { type: 'float32', shape: [64], data: new Float32Array(64) };
  const size = (tensor: Tensor): number => encodeNpz([['x', tensor]]).length;
  expect(size(picture)).toBeLessThan(LENGTH);
  expect(size(noise)).toBeGreaterThan(4 * LENGTH);
  expect(size(small)).toBeGreaterThan(4 * 64);
  const bytes = encodeNpz(Object.entries({ picture, noise, small }));
  const decoded = decodeNpz(bytes, 'x.npz');
  // Compared as bytes: a matcher would look at each of a million values.
  for (const [name, tensor] of Object.entries({ picture, noise, small }))
    expect(Buffer.compare(bytesOf(decoded.get(name)?.data ?? small.data), bytesOf(tensor.data))).toBe(0);
  expect(Buffer.compare(encodeNpz(Object.entries({ small, noise, picture })), bytes)).toBe(0);
});
