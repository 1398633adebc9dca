type GrowableArray = Int32Array | Uint32Array | Uint16Array | Float32Array | Float64Array;

/** The array where it has an element of this index, else a copy that is twice as long or longer. */
export function withRoomFor<T extends GrowableArray>(array: T, index: number): T {
  if (index < array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(Math.max(2 * array.length, index + 1));
  larger.set(array);
  return larger;
}
