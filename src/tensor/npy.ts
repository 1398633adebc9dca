import { UserError } from '../core/errors.ts';
import { MAX_CODE_POINT } from './strings.ts';
import { bytesOf, DTYPES, type DType, makeData, sizeOf, type Tensor, type TensorData } from './tensor.ts';

// Format: numpy/lib/format.py (NEP 1). The readers on npm handle neither big-endian or column-major data nor truncated
// files, hence this one.
const MAGIC = '\x93NUMPY';

const NPY_DESCR: Readonly<Record<DType, string>> = {
  bool: '|b1',
  int8: '|i1',
  int16: '<i2',
  int32: '<i4',
  int64: '<i8',
  uint8: '|u1',
  uint16: '<u2',
  uint32: '<u4',
  uint64: '<u8',
  float16: '<f2',
  float32: '<f4',
  float64: '<f8',
};

const DTYPE_BY_CODE = new Map(
  (Object.entries(NPY_DESCR) as [DType, string][]).map(([type, descr]) => [descr.slice(1), type]),
);

/** NumPy's type of strings, of which each value has as many code points as its number says. */
const STRING_DESCR = /^[<>|=]U(\d+)$/;

/** Longest header in bytes, and most dimensions, as of NumPy; largest size of one, also where another is 0. */
const MAX_HEADER_BYTES = 1 << 16;
const MAX_DIMENSIONS = 64;
const MAX_SIZE = 2 ** 32 - 1;

/**
 * Decodes one .npy file: bool, integers, floats and strings (`<U`) of any byte order, in row- or column-major order.
 * Strings become code points with one dimension more.
 *
 * @param source the file's name in messages
 * @throws UserError if it is not an .npy file, is truncated, or holds another type
 */
export function decodeNpy(bytes: Uint8Array, source: string): Tensor {
  const stored = readHeader(bytes, source);
  const width = STRING_DESCR.exec(stored.descr)?.[1];
  if (width === undefined) return decodeNumbers(bytes, stored, source);
  if (stored.isColumnMajor && stored.shape.length > 1)
    throw new UserError(
      `${source} holds strings in column-major order: save numpy.ascontiguousarray of them`,
    );
  const header = { ...stored, descr: `${stored.descr[0]}u4`, shape: [...stored.shape, Number(width)] };
  const codePoints = decodeNumbers(bytes, { ...header, isColumnMajor: false }, source);
  const invalid = codePoints.data.find((code) => code > MAX_CODE_POINT);
  if (invalid !== undefined)
    throw new UserError(`${source} holds ${invalid}, which is not a Unicode character: save it again`);
  return { ...codePoints, isString: true };
}

function decodeNumbers(bytes: Uint8Array, header: NpyHeader, source: string): Tensor {
  const type = DTYPE_BY_CODE.get(header.descr.slice(1));
  if (type === undefined) {
    throw new UserError(
      `${source} holds values of type '${header.descr}': save bools, integers or floats of up to 64 bits, or strings as astype('U')`,
    );
  }
  const length = sizeOf(header.shape);
  const need = length * DTYPES[type].bytes;
  const have = Math.max(0, bytes.length - header.dataOffset);
  if (!Number.isSafeInteger(need) || have < need) {
    throw new UserError(
      `${source} is truncated: ${have} bytes of values where its shape needs ${need}; save it again`,
    );
  }
  // A copy, since typed arrays need aligned offsets; `slice` of a Buffer is a view.
  const values = new Uint8Array(bytes.subarray(header.dataOffset, header.dataOffset + need));
  if (header.descr[0] === '>') swapBytes(values, DTYPES[type].bytes);
  const stored = DTYPES[type].view(values.buffer, values.byteOffset, length);
  if (type === 'bool') for (let i = 0; i < length; i++) stored[i] = stored[i] ? 1 : 0;
  const data = header.isColumnMajor ? toRowMajor(stored, type, header.shape) : stored;
  return { type, shape: header.shape, data };
}

/** Encodes a tensor as .npy version 1.0: little-endian, row-major, header padded to 64 bytes as NumPy does. */
export function encodeNpy(tensor: Tensor): Uint8Array {
  return Buffer.concat(encodeNpyParts(tensor));
}

/** The header and the values of `encodeNpy`, the latter not copied. */
export function encodeNpyParts(tensor: Tensor): readonly [header: Uint8Array, values: Uint8Array] {
  const dims = tensor.isString ? tensor.shape.slice(0, -1) : tensor.shape;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  const descr = tensor.isString ? `<U${tensor.shape.at(-1)}` : NPY_DESCR[tensor.type];
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const unpadded = MAGIC.length + 4 + dict.length + 1;
  const padding = (64 - (unpadded % 64)) % 64;
  const header = Buffer.from(`${dict}${' '.repeat(padding)}\n`, 'latin1');
  const prefix = Buffer.alloc(MAGIC.length + 4);
  prefix.write(MAGIC, 'latin1');
  prefix.writeUInt8(1, 6);
  prefix.writeUInt16LE(header.length, 8);
  return [Buffer.concat([prefix, header]), bytesOf(tensor.data)];
}

interface NpyHeader {
  readonly descr: string;
  readonly isColumnMajor: boolean;
  readonly shape: readonly number[];
  readonly dataOffset: number;
}

function readHeader(bytes: Uint8Array, source: string): NpyHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (buffer.length < 12 || buffer.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new UserError(`${source} is not a .npy file: write it with numpy.save`);
  }
  const long = buffer[6] >= 2;
  const length = long ? buffer.readUInt32LE(8) : buffer.readUInt16LE(8);
  const start = long ? 12 : 10;
  if (length > MAX_HEADER_BYTES)
    throw new UserError(`${source} has a header of ${length} bytes: save it again`);
  const text = buffer.toString('latin1', start, start + length);
  const descr = /'descr':\s*'([<>|=][a-zA-Z]\d+)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw new UserError(
      `${source} does not hold a plain array of numbers: save a bool, integer or float array with numpy.save`,
    );
  }
  const sizes = [...shape.matchAll(/\d+/g)].map((digits) => Number(digits[0]));
  if (sizes.length > MAX_DIMENSIONS || !sizes.every((size) => size <= MAX_SIZE))
    throw new UserError(`${source} has an impossible shape: save it again`);
  return { descr, isColumnMajor: fortran === 'True', shape: sizes, dataOffset: start + length };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else if (width === 8) buffer.swap64();
}

function toRowMajor(columns: TensorData, type: DType, shape: readonly number[]): TensorData {
  const rows = makeData(type, columns.length);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  const index = shape.map(() => 0);
  for (let i = 0; i < rows.length; i++) {
    rows[i] = columns[index.reduce((sum, position, axis) => sum + position * strides[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return rows;
}
