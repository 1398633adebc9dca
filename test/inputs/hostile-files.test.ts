import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import sharp from 'sharp';
import { parseYaml } from '../../src/config/parse-yaml.ts';
import { UserError } from '../../src/core/errors.ts';
import { decodeCsv } from '../../src/inputs/formats/csv.ts';
import { decodeIdx } from '../../src/inputs/formats/idx.ts';
import { decodeJson } from '../../src/inputs/formats/json.ts';
import { decodeImage } from '../../src/inputs/formats/png.ts';
import { TensorProto } from '../../src/model/formats/onnx/proto.ts';
import { decodeOnnxTensor } from '../../src/model/formats/onnx/tensor.ts';
import { vocabularyOf } from '../../src/model/language/vocabulary.ts';
import { decodeNpy, encodeNpy } from '../../src/tensor/npy.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Files that a parser is given changed, and changes of each. */
const RUNS = 600;

/** Megabytes that a parser may hold for a file of a few hundred bytes. */
const MAX_MEGABYTES = 300;

const numbers: Tensor = { type: 'float32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) };
const strings: Tensor = {
  type: 'uint32',
  shape: [2, 3],
  data: Uint32Array.of(97, 98, 0, 99, 0, 0),
  isString: true,
};
const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
const text = (content: string): Uint8Array => Buffer.from(content);

const PARSERS = new Map<
  string,
  { readonly files: readonly Uint8Array[]; readonly parse: (bytes: Uint8Array) => unknown }
>([
  ['npy', { files: [encodeNpy(numbers), encodeNpy(strings)], parse: (bytes) => decodeNpy(bytes, 'x') }],
  [
    'npz',
    {
      files: [
        encodeNpz([
          ['a', numbers],
          ['b', strings],
        ]),
        encodeNpz([['a', numbers]]),
      ],
      parse: (bytes) => decodeNpz(bytes, 'x'),
    },
  ],
  ['idx', { files: [idx, gzipSync(idx)], parse: (bytes) => decodeIdx(bytes, 'x') }],
  [
    'json',
    {
      files: [text('[[1, 2.5e3], [true, -4]]'), text('{"a": ["x", "\\u00e9"], "b": [[]]}')],
      parse: (bytes) => decodeJson(bytes, 'x'),
    },
  ],
  [
    'csv',
    {
      files: [text('a,b\r\n"1, ""x""",2\n3,"4\n5"\n')],
      parse: (bytes) => decodeCsv(Buffer.from(bytes).toString('utf8'), 'x'),
    },
  ],
  [
    'pb',
    {
      files: [
        TensorProto.encode({ dims: [2, 3], dataType: 1, rawData: new Uint8Array(24) }).finish(),
        TensorProto.encode({ dims: [3], dataType: 7, int64Data: [1, 2, 3] }).finish(),
      ],
      parse: (bytes) => decodeOnnxTensor(bytes, 'x'),
    },
  ],
  [
    'yaml',
    {
      files: [
        text('model: net.onnx\nrange:\n  x: [-1, 1]\nseeds: &a [a, "b"]\nlabels: *a\n# end\n'),
        text('{"model": "net.onnx", "range": {"x": [-1, 1]}, "batch": 7}'),
      ],
      parse: (bytes) => parseYaml(Buffer.from(bytes).toString('utf8'), 'x'),
    },
  ],
  [
    'vocabulary',
    {
      files: [text('["a", "b", null]'), text('{"a": 0, "b": 1}')],
      parse: (bytes) => {
        let json: unknown;
        try {
          json = JSON.parse(Buffer.from(bytes).toString('utf8'));
        } catch {
          return undefined;
        }
        return vocabularyOf(json, 'x');
      },
    },
  ],
]);

/** Bytes that are special in one of the formats: brackets, quotes, numbers' extremes, zero. */
const SPECIAL = [...'[]{}()"\',:&*!-?#%@|>\n\t \\0123456789eE+.aLU<>='].map((character) =>
  character.charCodeAt(0),
);
const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 254, 255, ...SPECIAL));

/** A change of a file at a place: a share of its length. */
interface Change {
  readonly kind: 'set' | 'insert' | 'remove' | 'repeat' | 'cut' | 'fill';
  readonly at: number;
  readonly bytes: readonly number[];
  readonly count: number;
}

const change: fc.Arbitrary<Change> = fc.record({
  kind: fc.constantFrom('set', 'insert', 'remove', 'repeat', 'cut', 'fill'),
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  bytes: fc.array(byte, { minLength: 1, maxLength: 8 }),
  count: fc.integer({ min: 1, max: 64 }),
});

function changed(file: Uint8Array, changes: readonly Change[]): Uint8Array {
  let bytes = [...file];
  for (const { kind, at, bytes: given, count } of changes) {
    const place = Math.floor(at * bytes.length);
    if (kind === 'set') bytes.splice(place, given.length, ...given);
    else if (kind === 'insert') bytes.splice(place, 0, ...given);
    else if (kind === 'remove') bytes.splice(place, count);
    else if (kind === 'repeat') bytes.splice(place, 0, ...bytes.slice(place, place + count));
    else if (kind === 'cut') bytes = bytes.slice(0, place);
    else bytes.splice(place, given.length, ...given.map(() => given[0]));
  }
  // As files are read.
  return Buffer.from(bytes);
}

async function expectValueOrRefusal(parse: () => unknown): Promise<void> {
  try {
    await parse();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    expect(error.message).toMatch(/^[^\n]+$/);
  }
}

test.each([...PARSERS.keys()])(
  'any bytes are a value or are refused in one line, in bounded memory: %s',
  async (format) => {
    const { files = [], parse = () => undefined } = PARSERS.get(format) ?? {};
    for (const file of files) expect(parse(file)).toBeDefined();
    const before = process.memoryUsage.rss();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        (file, changes) => expectValueOrRefusal(() => parse(changed(file, changes))),
      ),
      { seed: 6, numRuns: RUNS },
    );
    expect((process.memoryUsage.rss() - before) / 1e6).toBeLessThan(MAX_MEGABYTES);
  },
);

test('any bytes are a picture or are refused in one line', async () => {
  const picture = sharp({ create: { width: 5, height: 4, channels: 3, background: 'red' } });
  const files = [await picture.clone().png().toBuffer(), await picture.clone().jpeg().toBuffer()];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...files),
      fc.array(change, { minLength: 1, maxLength: 4 }),
      (file, changes) => expectValueOrRefusal(() => decodeImage(changed(file, changes), 'x.png')),
    ),
    { seed: 6, numRuns: 100 },
  );
});
