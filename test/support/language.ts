import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';

/** Characters that the small language models know. */
export const CHARACTERS = [...'abcdefghijklmnopqrstuvwxyz .!\n'];

const SIZE = CHARACTERS.length;

/** Ways to take texts. */
export const KINDS = ['every place', 'last place', 'one-hot', 'fixed window', 'cached', 'recurrent'] as const;
export type Kind = (typeof KINDS)[number];

/** The table that the next character is looked up in: by the sum of all ids so far, so that every character counts. */
function table(): Float32Array {
  return Float32Array.from({ length: SIZE * SIZE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIZE), i % SIZE];
    return column === (row * 7 + 3) % SIZE ? 4 : ((row * 31 + column * 17) % 13) / 4;
  });
}

const one = (value: bigint) => BigInt64Array.of(value);

/** Writes a language model whose next character follows from all characters before; returns its path. */
export function writeSumOnnx(folder: string, kind: Kind, logits: Float32Array = table()): string {
  const graph = new OnnxBuilder();
  graph.constant('table', 'float32', [SIZE, SIZE], logits);
  graph.constant('size', 'int64', [], one(BigInt(SIZE)));
  const along = (axis: bigint): string => graph.constant(`axis_${axis}`, 'int64', [1], one(axis));
  const looked = (sums: string): void => {
    graph.node('Gather', ['table', graph.node('Mod', [sums, 'size'], 'rest')], 'logits');
  };
  if (kind === 'cached' || kind === 'recurrent') {
    const ids = graph.input('input_ids', 'int64', ['batch', 'length']);
    const numbers = graph.node('Cast', [ids], 'numbers', { to: 1 });
    if (kind === 'cached') {
      const past = graph.input('past_key_values.0.key', 'float32', ['batch', 'past']);
      graph.node('Concat', [past, numbers], 'present.0.key', { axis: 1 });
      graph.output('logits', 'float32', ['batch', SIZE]);
      graph.output('present.0.key', 'float32', ['batch', 'all']);
      graph.node('ReduceSum', ['present.0.key', along(1n)], 'total', { keepdims: 0 });
    } else {
      const before = graph.input('h_in', 'float32', ['batch', 1]);
      const own = graph.node('ReduceSum', [numbers, along(1n)], 'own', { keepdims: 1 });
      graph.node('Add', [before, own], 'h_out');
      graph.output('logits', 'float32', ['batch', SIZE]);
      graph.output('h_out', 'float32', ['batch', 1]);
      graph.node('Squeeze', ['h_out', along(1n)], 'total');
    }
    looked(graph.node('Cast', ['total'], 'whole', { to: 7 }));
  } else {
    const length = kind === 'fixed window' ? 48 : 'length';
    const ids =
      kind === 'one-hot'
        ? graph.node('ArgMax', [graph.input('x', 'float32', ['batch', length, SIZE])], 'ids', {
            axis: 2,
            keepdims: 0,
          })
        : graph.input('input_ids', 'int64', ['batch', length]);
    if (kind === 'last place') {
      looked(graph.node('ReduceSum', [ids, along(1n)], 'sums', { keepdims: 0 }));
      graph.output('logits', 'float32', ['batch', SIZE]);
    } else {
      graph.constant('places', 'int64', [], one(1n));
      looked(graph.node('CumSum', [ids, 'places'], 'sums'));
      graph.output('logits', 'float32', ['batch', length, SIZE]);
    }
  }
  const path = join(folder, `${kind.replace(' ', '-')}-${files++}.onnx`);
  writeFileSync(path, graph.finish('sum'));
  return path;
}

let files = 0;

/** Writes the characters as a vocabulary; returns its path. */
export function writeVocabulary(folder: string, characters: readonly string[] = CHARACTERS): string {
  const path = join(folder, `vocabulary-${files++}.json`);
  writeFileSync(path, JSON.stringify(characters));
  return path;
}
