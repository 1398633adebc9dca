/** Number types that a model's inputs and outputs may have. */
export type DType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'float32'
  | 'float64';

/**
 * Values of a tensor in row-major order. `bool` is one byte a value, 0 or 1; `float16` is the 16 bits of
 * each value, as onnxruntime-node takes them.
 */
export type TensorData =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

export interface Tensor {
  readonly type: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
  /** Whether the values, of type uint32, are code points of strings: the last dimension is one string, padded with zeros. */
  readonly isString?: boolean;
}

interface DTypeInfo {
  readonly kind: 'float' | 'int' | 'bool';
  readonly bytes: number;
  readonly min: number;
  readonly max: number;
  readonly make: (length: number) => TensorData;
  readonly view: (buffer: ArrayBufferLike, offset: number, length: number) => TensorData;
}

type TypedArrayConstructor<T extends TensorData> = {
  new (length: number): T;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
  readonly BYTES_PER_ELEMENT: number;
};

function dtypeInfo<T extends TensorData>(
  kind: DTypeInfo['kind'],
  array: TypedArrayConstructor<T>,
  min: number,
  max: number,
): DTypeInfo {
  return {
    kind,
    bytes: array.BYTES_PER_ELEMENT,
    min,
    max,
    make: (length) => new array(length),
    view: (buffer, offset, length) => new array(buffer, offset, length),
  };
}

const FLOAT32_MAX = 3.4028234663852886e38;

/** Properties of each type; `min` and `max` are its finite limits as numbers. */
export const DTYPES: Readonly<Record<DType, DTypeInfo>> = {
  bool: dtypeInfo('bool', Uint8Array, 0, 1),
  int8: dtypeInfo('int', Int8Array, -128, 127),
  int16: dtypeInfo('int', Int16Array, -32768, 32767),
  int32: dtypeInfo('int', Int32Array, -2147483648, 2147483647),
  int64: dtypeInfo('int', BigInt64Array, -(2 ** 63), 2 ** 63),
  uint8: dtypeInfo('int', Uint8Array, 0, 255),
  uint16: dtypeInfo('int', Uint16Array, 0, 65535),
  uint32: dtypeInfo('int', Uint32Array, 0, 4294967295),
  uint64: dtypeInfo('int', BigUint64Array, 0, 2 ** 64),
  float16: dtypeInfo('float', Uint16Array, -65504, 65504),
  float32: dtypeInfo('float', Float32Array, -FLOAT32_MAX, FLOAT32_MAX),
  float64: dtypeInfo('float', Float64Array, -Number.MAX_VALUE, Number.MAX_VALUE),
};

export function isDType(name: string): name is DType {
  return Object.hasOwn(DTYPES, name);
}

export function makeData(type: DType, length: number): TensorData {
  return DTYPES[type].make(length);
}

/** Number of values in a shape; 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** A shape for messages: `28×28×1`, `scalar`; free dimensions by their name, or as `?`. */
export function shapeText(shape: readonly (number | string | null)[]): string {
  return shape.length === 0 ? 'scalar' : shape.map((d) => d ?? '?').join('×');
}

/** Rows `from` up to `to` of `[rows, size]` values, as a view. */
export function rowsOf<T extends TensorData>(data: T, size: number, from: number, to: number): T {
  return data.subarray(from * size, to * size) as T;
}

/** Copies `source` into `target` at `offset`; both hold 64-bit integers, or neither does. */
export function copyInto(target: TensorData, source: TensorData, offset: number): void {
  (target as Float32Array).set(source as Float32Array, offset);
}

export function cloneData<T extends TensorData>(data: T): T {
  return data.slice() as T;
}

/** The bytes of a tensor's values, little-endian (every platform that Node.js supports is). */
export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

const scratch32 = new Float32Array(1);
const scratchBits = new Uint32Array(scratch32.buffer);

/** The value of 16 bits of IEEE 754 half precision. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number as 16 bits of half precision, rounded to nearest even from its float32 value. */
export function numberToHalf(value: number): number {
  scratch32[0] = value;
  const bits = scratchBits[0];
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x33000001) return sign;
  if (magnitude < 0x38800000) {
    const shift = 126 - (magnitude >>> 23);
    const mantissa = (magnitude & 0x7fffff) | 0x800000;
    const kept = mantissa >>> shift;
    const rest = mantissa & ((1 << shift) - 1);
    const half = 1 << (shift - 1);
    return sign | (kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0));
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** Reads one value as a number, whatever the type. For cold paths; 64-bit integers may lose low bits. */
export function readNumber(type: DType, data: TensorData, index: number): number {
  const value = data[index];
  if (type === 'float16') return halfToNumber(value as number);
  return Number(value);
}

/** Writes one number, rounding and clipping it to what the type can hold. For cold paths. */
export function writeNumber(type: DType, data: TensorData, index: number, value: number): void {
  const { kind, min, max } = DTYPES[type];
  if (type === 'float16') data[index] = numberToHalf(value);
  else if (kind === 'float') data[index] = value;
  else if (type === 'int64')
    (data as BigInt64Array)[index] = BigInt.asIntN(64, clampToBigInt(value, min, max, 63n));
  else if (type === 'uint64') {
    (data as BigUint64Array)[index] = BigInt.asUintN(64, clampToBigInt(value, min, max, 64n));
  } else data[index] = Math.min(max, Math.max(min, Math.round(value)));
}

function clampToBigInt(value: number, min: number, max: number, bits: bigint): bigint {
  if (value >= max) return (1n << bits) - 1n;
  return BigInt(Math.round(Math.max(min, value)));
}

/** The same numbers as another type, rounded and clipped to it; the tensor itself if it has that type already. */
export function convertTensor(tensor: Tensor, type: DType): Tensor {
  if (tensor.type === type) return tensor;
  const data = makeData(type, tensor.data.length);
  for (let i = 0; i < data.length; i++) writeNumber(type, data, i, readNumber(tensor.type, tensor.data, i));
  return { type, shape: tensor.shape, data };
}
