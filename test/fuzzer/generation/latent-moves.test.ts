import { expect, test } from '@jest/globals';
import { LatentMoves, latentAfter, rowOf } from '../../../src/fuzzer/generation/latent-moves.ts';

test('rows of a pick are its parent, then its mutants move after move', () => {
  expect(rowOf({ firstRow: 10, moves: 2 }, 0, 0)).toBe(11);
  expect(rowOf({ firstRow: 10, moves: 2 }, 3, 1)).toBe(18);
});

test('a change is kept in digits that JSON gives back', () => {
  const latents = Float32Array.of(0.1, 0.2, 0.3);
  const vectors = { firstRow: 0, moves: 1, base: Float32Array.of(0.1), step: 0.3 };
  const moves = new LatentMoves(0, new Map([[4, vectors]]), [latents, 1], [latents, 1]);
  const change = moves.changeOf(4, 1);
  if (change === undefined) throw new Error('no change');
  const again = JSON.parse(JSON.stringify(change));
  expect(again).toEqual(change);
  expect(latentAfter(again)).toEqual(latentAfter(change));
  expect(latentAfter(change)[0]).toBeCloseTo(0.3, 6);
  expect(moves.has(4)).toBe(true);
  expect(moves.changeOf(5, 0)).toBeUndefined();
  expect(moves.decodedMove(5, 0, 0)).toBeUndefined();
});
