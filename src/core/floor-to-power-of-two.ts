/** The largest power of two that is at most a number; 0 below 1. */
export function floorToPowerOfTwo(count: number): number {
  return count < 1 ? 0 : 2 ** Math.floor(Math.log2(count));
}
