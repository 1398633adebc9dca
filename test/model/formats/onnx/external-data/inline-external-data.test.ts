import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import * as ort from 'onnxruntime-node';
import protobuf from 'protobufjs';
import { randomStream } from '../../../../../src/core/random.ts';
import { listModelFiles } from '../../../../../src/model/formats/model-files.ts';
import {
  checkSelfContained,
  inlineExternalData,
} from '../../../../../src/model/formats/onnx/external-data/inline-external-data.ts';
import { ATTRIBUTE_TYPE, ModelProto, TensorProto } from '../../../../../src/model/formats/onnx/proto.ts';
import { loadModel } from '../../../../../src/model/formats/registry.ts';
import { deriveQuantizedModel } from '../../../../../src/model/quantize/derive.ts';
import { testFolder } from '../../../../support/folder.ts';

const folder = testFolder();

/** A file in the working directory of the tests, and not in the folder of the models. */
const ELSEWHERE = 'package.json';

interface Reference {
  readonly dataType?: number;
  readonly dims?: readonly number[];
  readonly length?: number;
}

/** A tensor whose bytes lie in a file. */
const external = (location: string, { dataType = 2, dims = [4], length = 4 }: Reference = {}): object => ({
  name: 'w',
  dataType,
  dims,
  dataLocation: 1,
  externalData: [
    { key: 'location', value: location },
    { key: 'offset', value: '0' },
    { key: 'length', value: String(length) },
  ],
});

const constant = (tensor: object, output = 'w') => ({
  opType: 'Constant',
  output: [output],
  attribute: [{ name: 'value', type: ATTRIBUTE_TYPE.tensor, t: tensor }],
});

const value = (name: string, dims: readonly object[] = [{ dimValue: 1 }, { dimValue: 4 }]) => ({
  name,
  type: { tensorType: { elemType: 1, shape: { dim: dims } } },
});

const toFloat = { opType: 'Cast', input: ['w'], output: ['f'], attribute: [{ name: 'to', type: 2, i: 1 }] };
const sum = { opType: 'Add', input: ['x', 'f'], output: ['y'] };

/** y = x + w, with parts of the graph that give w. */
const addition = (graph: object, node: readonly object[] = []) => ({
  graph: { name: 'g', input: [value('x')], output: [value('y')], node: [...node, toFloat, sum], ...graph },
});

const body = (graph: object, node: readonly object[] = []) => ({
  name: 'body',
  output: [value('y')],
  node: [...node, toFloat, sum],
  ...graph,
});

const functionOf = (tensor: object) => ({
  graph: {
    name: 'g',
    input: [value('x')],
    output: [value('y')],
    node: [{ opType: 'Plus', domain: 'own', input: ['x'], output: ['y'] }],
  },
  functions: [
    {
      name: 'Plus',
      domain: 'own',
      input: ['x'],
      output: ['y'],
      opsetImport: [{ domain: '', version: 17 }],
      node: [constant(tensor), toFloat, sum],
    },
  ],
});

const sparse = (location: string) => ({
  values: { ...external(location) },
  indices: { dataType: 7, dims: [4], int64Data: [0, 1, 2, 3] },
  dims: [4],
});

/** Places where the runtime looks up a tensor, with models that add it to their input. */
const PLACES: Readonly<Record<string, (location: string) => object>> = {
  'an initializer': (location) => addition({ initializer: [external(location)] }),
  'a Constant': (location) => addition({}, [constant(external(location))]),
  'a Constant in a function': (location) => functionOf(external(location)),
  'an initializer of a body': (location) => {
    const branch = body({ initializer: [external(location)] });
    const bodies = ['then_branch', 'else_branch'].map((name) => ({ name, type: 5, g: branch }));
    const condition = { name: 'c', dataType: 9, dims: [], int32Data: [1] };
    const choice = { opType: 'If', input: ['c'], output: ['y'], attribute: bodies };
    const input = [value('x')];
    return {
      graph: { name: 'g', input, output: [value('y')], node: [choice], initializer: [condition] },
    };
  },
  'a sparse initializer': (location) => {
    const { values, ...rest } = sparse(location);
    return addition({ sparseInitializer: [{ ...rest, values: { ...values, name: 'w' } }] });
  },
  'a sparse Constant': (location) =>
    addition({}, [
      {
        opType: 'Constant',
        output: ['w'],
        attribute: [{ name: 'sparse_value', type: 11, sparseTensor: sparse(location) }],
      },
    ]),
  'the value of a ConstantOfShape': (location) =>
    addition({ initializer: [{ name: 's', dataType: 7, dims: [1], int64Data: [4] }] }, [
      {
        opType: 'ConstantOfShape',
        input: ['s'],
        output: ['w'],
        attribute: [
          { name: 'value', type: ATTRIBUTE_TYPE.tensor, t: external(location, { dims: [1], length: 1 }) },
        ],
      },
    ]),
};

const HEAD = {
  irVersion: 9,
  opsetImport: [
    { domain: '', version: 17 },
    { domain: 'own', version: 1 },
  ],
};

function write(name: string, model: object, home = folder): string {
  const path = join(home, name);
  writeFileSync(path, ModelProto.encode(ModelProto.fromObject({ ...HEAD, ...model })).finish());
  return path;
}

async function outputOf(path: string): Promise<number[]> {
  const model = await loadModel(path, { runtime: 'auto' });
  try {
    const { outputs } = await model.run(
      [{ type: 'float32', shape: [1, 4], data: new Float32Array(4) }],
      ['y'],
    );
    return [...outputs[0].data].map(Number);
  } finally {
    await model.dispose();
  }
}

describe.each(Object.entries(PLACES))('values of %s', (place, modelOf) => {
  const name = `${place.replaceAll(' ', '-')}.onnx`;

  test('are refused where their file lies elsewhere, and read from nowhere but the folder', async () => {
    await expect(outputOf(write(name, modelOf(`../../${ELSEWHERE}`)))).rejects.toThrow(
      /outside the model's folder/,
    );
    await expect(outputOf(write(name, modelOf(ELSEWHERE)))).rejects.toThrow(/cannot read.*no such file/);
  });

  test('are read from a file beside the model, which is hashed and sent to nodes', async () => {
    writeFileSync(join(folder, 'w.bin'), Uint8Array.of(7, 7, 7, 7));
    const path = write(name, modelOf('w.bin'));
    expect(await outputOf(path)).toEqual([7, 7, 7, 7]);
    expect((await listModelFiles(path)).files).toEqual([name, 'w.bin'].sort());
    const before = (await loadModel(path, { runtime: 'auto' })).sha256;
    writeFileSync(join(folder, 'w.bin'), Uint8Array.of(7, 7, 7, 8));
    expect((await loadModel(path, { runtime: 'auto' })).sha256).not.toBe(before);
  });
});

/** Each way by the schema to a tensor, as an object with the tensor at its end; through nested graphs twice at most. */
function everyPlace(type: protobuf.Type, tensor: object, trail: readonly string[] = []): object[] {
  if (type === TensorProto) return [tensor];
  return type.fieldsArray.flatMap((field) => {
    const inner = field.resolve().resolvedType;
    if (!(inner instanceof protobuf.Type)) return [];
    const visits = trail.filter((name) => name === inner.name).length;
    if (visits >= 2 || trail.length > 8) return [];
    return everyPlace(inner, tensor, [...trail, inner.name]).map((part) => ({
      [field.name]: field.repeated ? [part] : part,
    }));
  });
}

test('a tensor in any place that the schema has is inlined, and refused where its file lies elsewhere', async () => {
  writeFileSync(join(folder, 'w.bin'), Uint8Array.of(7, 7, 7, 7));
  const encode = (place: object): Uint8Array => ModelProto.encode(ModelProto.fromObject(place)).finish();
  const path = join(folder, 'any.onnx');
  const inside = everyPlace(ModelProto, external('w.bin'));
  expect(inside.length).toBeGreaterThan(100);
  for (const place of inside) {
    const { bytes } = await inlineExternalData(encode(place), path, { keepsLarge: true });
    checkSelfContained(bytes, [], path);
    expect(Buffer.from(bytes).includes(Buffer.of(7, 7, 7, 7))).toBe(true);
    expect(() => checkSelfContained(encode(place), [], path)).toThrow(/refers to a file/);
  }
  for (const place of everyPlace(ModelProto, external('../w.bin')))
    await expect(inlineExternalData(encode(place), path, { keepsLarge: true })).rejects.toThrow(/outside/);
});

/** A field of a message: its number and content. */
function field(number: number, content: Uint8Array): Uint8Array {
  return protobuf.Writer.create()
    .uint32((number << 3) | 2)
    .bytes(content)
    .finish();
}

const encodeTensor = (tensor: object): Uint8Array => TensorProto.encode(tensor).finish();

describe('a reference is seen however it is written', () => {
  const path = join('elsewhere', 'wire.onnx');
  const graph = (...initializer: readonly Uint8Array[]): Uint8Array =>
    field(7, Buffer.concat(initializer.map((tensor) => field(5, tensor))));
  const { externalData } = external('w.bin') as { readonly externalData: readonly object[] };
  const attribute = (...parts: readonly Uint8Array[]): Uint8Array =>
    field(7, field(1, field(5, Buffer.concat(parts.map((part) => field(5, part))))));

  test.each<[string, Uint8Array]>([
    [
      'in a second graph, which is merged with the first',
      Buffer.concat([graph(), graph(encodeTensor(external('w.bin')))]),
    ],
    [
      'in two parts of one attribute',
      attribute(encodeTensor({ externalData }), encodeTensor({ dataLocation: 1 })),
    ],
    [
      'with a number of ten bytes',
      graph(Uint8Array.of(0x70, 0x81, 0x80, 0x80, 0x80, 0x90, 0x80, 0x80, 0x80, 0x80, 0x01)),
    ],
    ['in a field that the schema lacks', field(99, graph(encodeTensor(external('w.bin'))))],
    [
      'in a group',
      Buffer.concat([Uint8Array.of(0x3b), graph(encodeTensor(external('w.bin'))), Uint8Array.of(0x3c)]),
    ],
  ])('%s', (_, bytes) => {
    expect(() => checkSelfContained(bytes, [], path)).toThrow(/refers to a file/);
  });

  test('bytes that end within a field are refused', () => {
    const bytes = graph(encodeTensor(external('w.bin')));
    for (let length = 1; length < bytes.length; length++)
      expect(() => checkSelfContained(bytes.subarray(0, length), [], path)).toThrow();
  });
});

test('whatever bytes of a model with a weight file are changed, no reference is left', async () => {
  const original = readFileSync('test/fixtures/external/tabular.onnx');
  const random = randomStream('bytes', 'external');
  const path = 'test/fixtures/external/tabular.onnx';
  let inlined = 0;
  for (let round = 0; round < 500; round++) {
    const changed = Buffer.from(original);
    for (let change = 0; change <= random.below(3); change++)
      changed[random.below(changed.length)] = random.below(256);
    try {
      const { bytes, weightFiles } = await inlineExternalData(changed, path, { keepsLarge: true });
      checkSelfContained(bytes, weightFiles, path);
      inlined++;
    } catch (error) {
      expect(error).toMatchObject({ name: 'UserError' });
    }
  }
  expect(inlined).toBeGreaterThan(50);
});

test.each([
  ['offset', '-1'],
  ['offset', '0x1'],
  ['offset', '1e1'],
  ['offset', '99999999999999999999'],
  ['length', 'NaN'],
  ['length', '-4'],
  ['length', '1.5'],
  ['length', '1000'],
  ['location', ''],
  ['location', '/etc/hostname'],
  ['location', 'w.bin\0.txt'],
  ['location', '*/_ORT_MEM_ADDR_/*'],
])('a reference whose %s is %j is refused in one line', async (key, text) => {
  writeFileSync(join(folder, 'w.bin'), new Uint8Array(8));
  const tensor = external('w.bin') as { readonly externalData: readonly { key: string; value: string }[] };
  for (const entry of tensor.externalData) if (entry.key === key) entry.value = text;
  const path = write('reference.onnx', addition({ initializer: [tensor] }));
  const refusal: unknown = await loadModel(path, { runtime: 'auto' }).catch((error: unknown) => error);
  expect(refusal).toMatchObject({ name: 'UserError' });
  expect((refusal as Error).message).not.toMatch(/[\n\0]/);
});

test('a reference that says something twice is refused', async () => {
  writeFileSync(join(folder, 'w.bin'), new Uint8Array(8));
  const tensor = external('w.bin') as { readonly externalData: readonly object[] };
  const doubled = {
    ...tensor,
    externalData: [...tensor.externalData, { key: 'location', value: 'other.bin' }],
  };
  const path = write('twice.onnx', addition({ initializer: [doubled] }));
  await expect(loadModel(path, { runtime: 'auto' })).rejects.toThrow(/more than one location/);
});

/** y = x + Σw, of so many weights in a file. */
const largeSum = (size: number) =>
  addition({ initializer: [{ ...external('large.bin', { dims: [size], length: size }), name: 'many' }] }, [
    { opType: 'Cast', input: ['many'], output: ['floats'], attribute: [{ name: 'to', type: 2, i: 1 }] },
    { opType: 'ReduceSum', input: ['floats'], output: ['w'] },
  ]);

test('large weights stay apart under a name that no file has, and are a part of a quantized copy', async () => {
  const home = join(folder, 'large');
  mkdirSync(home);
  const size = 1 << 20;
  writeFileSync(join(home, 'large.bin'), new Uint8Array(size).fill(1));
  const path = write('large.onnx', largeSum(size), home);
  const { bytes, weightFiles } = await inlineExternalData(readFileSync(path), path, { keepsLarge: true });
  expect(bytes.length).toBeLessThan(1000);
  expect(weightFiles.map(({ data }) => data.length)).toEqual([size]);
  expect(weightFiles[0].path).toMatch(/^[0-9a-f-]{36}$/);
  expect(await outputOf(path)).toEqual(new Array(4).fill(size));
  const [copy] = (await deriveQuantizedModel(path, 'float16', () => Promise.resolve(new Map()))).values();
  checkSelfContained(copy, [], path);
  expect(copy.length).toBeGreaterThan(size);
});

/** Where the root of the runtime's own format must lie so that a file with it begins as an ONNX model does. */
const ROOT = 0x04120808;

test('the runtime runs the graph that was read, although the file is one of its own format too', async () => {
  const plain = (weight: number) =>
    addition({
      initializer: [
        { ...external(''), dataLocation: 0, externalData: [], rawData: new Uint8Array(4).fill(weight) },
      ],
    });
  const ortFile = join(folder, 'seven.ort');
  const seven = ModelProto.encode(ModelProto.fromObject({ ...HEAD, ...plain(7) })).finish();
  await ort.InferenceSession.create(seven, { optimizedModelFilePath: ortFile, logSeverityLevel: 4 });
  const flatbuffer = readFileSync(ortFile);
  const from = ROOT - flatbuffer.readUInt32LE(0);
  const head = Buffer.concat([
    Buffer.from([0x08, 0x08, 0x12, 0x04]),
    Buffer.from('ORTM'),
    ModelProto.encode(ModelProto.fromObject({ ...HEAD, ...plain(3) })).finish(),
  ]);
  // A weight that nothing reads holds the other format: graph, initializer, raw_data.
  const unread = (length: number): Uint8Array => {
    const raw = Buffer.concat([
      encodeTensor({ name: 'u', dataType: 2, dims: [length] }),
      Buffer.from([0x4a]),
    ]);
    const size = protobuf.Writer.create().uint32(length).finish();
    const tensor = raw.length + size.length + length;
    const tensorSize = protobuf.Writer.create().uint32(tensor).finish();
    const graphSize = protobuf.Writer.create()
      .uint32(1 + tensorSize.length + tensor)
      .finish();
    return Buffer.concat([Buffer.from([0x3a]), graphSize, Buffer.from([0x2a]), tensorSize, raw, size]);
  };
  const length = from + flatbuffer.length - head.length - unread(from).length;
  const file = Buffer.alloc(from + flatbuffer.length);
  Buffer.concat([head, unread(length)]).copy(file);
  flatbuffer.copy(file, from);
  const session = await ort.InferenceSession.create(file, {});
  const feed = { x: new ort.Tensor('float32', new Float32Array(4), [1, 4]) };
  expect([...((await session.run(feed)).y.data as Float32Array)]).toEqual([7, 7, 7, 7]);
  await session.release();
  const path = join(folder, 'both.onnx');
  writeFileSync(path, file);
  expect(await outputOf(path)).toEqual([3, 3, 3, 3]);
});
