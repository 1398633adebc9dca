import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { readSavedModel } from '../../../../src/model/formats/saved-model/graph.ts';
import { SavedModelProto } from '../../../../src/model/formats/saved-model/proto.ts';

const bytes = readFileSync('test/fixtures/saved-model/saved_model.pb');

/** A part of a decoded SavedModel that a test changes. */
type Part = Record<string, never>;

interface Edited {
  readonly node: object[];
  readonly functions: {
    readonly signature: Part;
    readonly nodeDef: { name: string; op: string; input: string[] }[];
  }[];
  readonly meta: Record<string, unknown>;
}

/** Reads the fixture after a change. */
function read(change: (model: Edited) => void): void {
  const model = SavedModelProto.decode(bytes) as unknown as {
    readonly metaGraphs: readonly [
      {
        readonly graphDef: {
          readonly node: object[];
          readonly library: { readonly function: Edited['functions'] };
        };
      },
    ];
  };
  const [meta] = model.metaGraphs;
  const { node, library } = meta.graphDef;
  change({ node, functions: library.function, meta: meta as unknown as Record<string, unknown> });
  readSavedModel(SavedModelProto.encode(model as object).finish(), 'saved', {});
}

const node = (name: string, op: string, input: readonly string[] = [], attr: object = {}) => ({
  name,
  op,
  input: [...input],
  attr,
});

const call = (name: string, called: string, input: readonly string[]) =>
  node(name, 'StatefulPartitionedCall', input, { f: { func: { name: called } } });

/** A function that fills a table from the file that its argument names. */
const tableFunction = (filename: string) => ({
  signature: { name: 'fill', inputArg: [{ name: 'table' }, { name: 'file' }], outputArg: [] },
  nodeDef: [node('init', 'InitializeTableFromTextFileV2', ['table', filename])],
  ret: {},
  controlRet: {},
});

/** Runs a node when the model is loaded. */
const initializer = (name: string) => ({
  __saved_model_init_op: { inputs: {}, outputs: { __saved_model_init_op: { name, dtype: 0 } } },
});

/** Adds a table of words, whose file is that of the node `words`. */
function addTable({ node: nodes, functions, meta }: Edited, given: string, filename = 'file'): void {
  nodes.push(
    node('table', 'HashTableV2'),
    node('words', 'Const'),
    node('other', 'Const'),
    call('filling', 'fill', ['table', given]),
    node('start', 'NoOp', ['^filling']),
  );
  functions.push(tableFunction(filename) as unknown as Edited['functions'][0]);
  Object.assign(meta.signatureDef as object, initializer('start'));
  Object.assign(meta, {
    assetFileDef: [{ tensorInfo: { name: 'words:0', dtype: 7 }, filename: 'words.txt' }],
  });
}

/** The body of the function that holds an operation. */
function bodyWith({ functions }: Edited, op: string): Edited['functions'][0]['nodeDef'] {
  const found = functions.find(({ nodeDef }) => nodeDef.some((inner) => inner.op === op));
  if (found === undefined) throw new Error(`no ${op}`);
  return found.nodeDef;
}

test('a model that saves, restores and fills a table by files that the loader names is read', () => {
  read(() => {});
  read((model) => addTable(model, 'words'));
});

describe('a model is refused', () => {
  test.each(['../../words.txt', '/etc/passwd', 'a/../../b', '', 'C:\\words', 'a\0b'])(
    'whose asset is %j',
    (filename) => {
      const change = ({ meta }: Edited) =>
        Object.assign(meta, { assetFileDef: [{ tensorInfo: { name: 'Const:0' }, filename }] });
      expect(() => read(change)).toThrow(/names the asset .*outside the model's folder/);
    },
  );

  test.each<[string, (model: Edited) => void]>([
    [
      'restores from a file that it names',
      (model) => {
        const body = bodyWith(model, 'RestoreV2');
        for (const inner of body)
          if (inner.op === 'RestoreV2') inner.input[0] = 'RestoreV2/tensor_names:output:0';
      },
    ],
    [
      'gives its restoring function another file',
      ({ node: nodes }) => {
        const restoring = nodes.find(
          (inner) => 'name' in inner && inner.name === 'StatefulPartitionedCall_3',
        );
        (restoring as { input: string[] }).input[0] = 'Const';
      },
    ],
    [
      'restores when it computes',
      (model) => {
        const { nodeDef } = model.functions.find(({ nodeDef: inner }) =>
          inner.some(({ op }) => op === 'MatMul'),
        ) as Edited['functions'][0];
        for (const { nodeDef: body } of model.functions)
          if (body.some(({ op }) => op === 'MatMul'))
            body.push(node('again', 'RestoreV2', [nodeDef[0].name]) as Edited['functions'][0]['nodeDef'][0]);
      },
    ],
    [
      'saves when it is restored',
      (model) => {
        bodyWith(model, 'RestoreV2').push(
          node('keep', 'SaveV2', ['file_prefix']) as Edited['functions'][0]['nodeDef'][0],
        );
      },
    ],
    ['fills a table from a file that it names', (model) => addTable(model, 'other')],
    [
      'fills a table from a file that its function names',
      (model) => addTable(model, 'words', 'init:output:0'),
    ],
    [
      'fills a table by a function called by its name',
      (model) => {
        addTable(model, 'words');
        model.node.push(node('direct', 'fill', ['table', 'other']));
        Object.assign(model.meta.signatureDef as object, initializer('direct'));
      },
    ],
    [
      'fills a table in one of the branches of a Case',
      (model) => {
        addTable(model, 'words');
        // ListValue.func is field 9, NameAttrList.name field 1.
        const list = Buffer.concat([Buffer.from([0x4a, 6, 0x0a, 4]), Buffer.from('fill')]);
        model.node.push(node('choice', 'StatelessCase', ['x', 'table', 'other'], { branches: { list } }));
        Object.assign(model.meta.signatureDef as object, initializer('choice'));
      },
    ],
    [
      'has its own operation to be run by a collection',
      (model) => {
        model.node.push(node('evil', 'ImmutableConst'));
        // CollectionEntry: key, value of a node list with one value.
        const key = Buffer.from('legacy_init_op');
        const list = Buffer.concat([Buffer.from([0x0a, 6, 0x0a, 4]), Buffer.from('evil')]);
        const entry = [Buffer.from([0x0a, key.length]), key, Buffer.from([0x12, list.length]), list];
        Object.assign(model.meta, { collectionDef: [Buffer.concat(entry)] });
      },
    ],
  ])('that %s', (_, change) => {
    expect(() => read(change)).toThrow(/would open a file that is not one of the model's: refused/);
  });

  test('that reads a file anywhere', () => {
    expect(() => read(({ node: nodes }) => nodes.push(node('r', 'ReadFile')))).toThrow(
      /does more than compute/,
    );
  });
});
