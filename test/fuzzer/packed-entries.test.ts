import { expect, test } from '@jest/globals';
import { entryMetadataAt, packEntries, unpackEntry } from '../../src/fuzzer/packed-entries.ts';
import type { CorpusEntryData } from '../../src/fuzzer/scheduling/task.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';

function entryOf(entryIndex: number, size: number, label?: number): CorpusEntryData {
  const input = makeTestcaseInput({ name: 'x', type: 'float32', shape: [null] }, [size]);
  return {
    entryIndex,
    ancestorIndex: 0,
    referenceIndex: 1,
    ...(label === undefined ? {} : { label }),
    data: {
      form: shapeSignatureOf([input]),
      inputs: [Float32Array.from({ length: size }, (_, i) => entryIndex + i / 10)],
    },
    activations: Float32Array.of(entryIndex, -entryIndex),
  };
}

test('entries of several shapes come back as they were packed', () => {
  const entries = [entryOf(3, 2), entryOf(7, 5), entryOf(4, 2)];
  const packed = packEntries(entries);
  expect(entries.map((_, i) => unpackEntry(packed, i))).toEqual(entries);
  expect(packed).not.toHaveProperty('labels');
});

test('labels are packed once one of the entries has one', () => {
  const packed = packEntries([entryOf(3, 2, 9), entryOf(7, 2)]);
  expect(packed.labels).toEqual([9, -1]);
  expect(entryMetadataAt(packed, 0)).toEqual({
    entryIndex: 3,
    ancestorIndex: 0,
    referenceIndex: 1,
    label: 9,
  });
});

test('an unpacked entry shares no memory with the others', () => {
  const packed = packEntries([entryOf(1, 4), entryOf(2, 4)]);
  const { data, activations } = unpackEntry(packed, 1);
  expect(data.inputs[0].buffer.byteLength).toBe(16);
  expect(activations.buffer).not.toBe(packed.activations.buffer);
});
