import { readFileSync, writeFileSync } from 'node:fs';

/** Flips one bit of some bytes: bit `at` modulo 8 of byte `at` / 8. */
export function withFlippedBit(bytes: Uint8Array, at: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[at >> 3] ^= 1 << (at & 7);
  return flipped;
}

/** Flips one bit of a file. */
export function flipBit(path: string, at: number): void {
  writeFileSync(path, withFlippedBit(readFileSync(path), at));
}

/**
 * Numbers of bits of a file of some bytes: `perByte` of each byte, and not the same ones in each.
 *
 * @param step bytes from one to the next
 */
export function* bitsOf(bytes: Uint8Array, perByte = 1, step = 1): Generator<number> {
  for (let byte = 0; byte < bytes.length; byte += step)
    for (let n = 0; n < perByte; n++) yield 8 * byte + ((5 * byte + 3 * n) & 7);
}
