import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ArrayFiles, removeAbandonedFolders } from '../../src/workers/array-files.ts';
import { testFolder } from '../support/folder.ts';

const LARGE = 1 << 17;
const root = testFolder();

function pair(name: string) {
  const folder = join(root, name);
  return { folder, sender: new ArrayFiles(folder, 'a'), receiver: new ArrayFiles(folder, 'b') };
}

/** Of one type and of equal bytes. */
function haveEqualBytes(a: NodeJS.TypedArray, b: NodeJS.TypedArray): boolean {
  const bytes = (array: NodeJS.TypedArray): Buffer =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  return a.constructor === b.constructor && bytes(a).equals(bytes(b));
}

describe('large arrays travel as files', () => {
  test('wherever they stand in a message, and arrive as they were', () => {
    const { folder, sender, receiver } = pair('wherever');
    const message = {
      task: { number: 3, parents: [1, 2], name: 'a' },
      inputs: [
        new Float32Array(LARGE).map((_, i) => i / 7),
        new BigInt64Array(LARGE).fill(-5n),
        new Uint8Array(3),
      ],
      byName: new Map<string, unknown>([['x', { values: new Float64Array(LARGE).fill(Number.NaN) }]]),
      none: undefined,
      nothing: null,
    };
    const packed = sender.pack(message);
    expect(packed.inputs[0]).toMatchObject({ type: 'Float32Array', length: LARGE });
    expect(readdirSync(folder)).toHaveLength(3);
    const received = receiver.unpack(packed);
    for (const i of [0, 1, 2]) expect(haveEqualBytes(received.inputs[i], message.inputs[i])).toBe(true);
    const values = (sent: typeof message): Float64Array =>
      (sent.byName.get('x') as { readonly values: Float64Array }).values;
    expect(haveEqualBytes(values(received), values(message))).toBe(true);
    expect({ ...received, inputs: [], byName: [] }).toEqual({ ...message, inputs: [], byName: [] });
    expect(readdirSync(folder)).toEqual([]);
    receiver.remove();
    expect(existsSync(folder)).toBe(false);
  });

  test('a part of an array is sent without the rest', () => {
    const { sender, receiver } = pair('part');
    const part = new Float32Array(3 * LARGE).map((_, i) => i).subarray(LARGE, 2 * LARGE);
    const { values } = receiver.unpack(sender.pack({ values: part }));
    expect(haveEqualBytes(values, part)).toBe(true);
    expect(values.buffer.byteLength).toBe(part.byteLength);
    receiver.remove();
  });

  test('a message of small arrays is sent as it is, and makes no folder', () => {
    const { folder, sender } = pair('small');
    const message = { inputs: [new Float32Array(10)], lists: [[1, 2], ['a']] };
    expect(sender.pack(message)).toBe(message);
    expect(sender.unpack(message)).toBe(message);
    expect(existsSync(folder)).toBe(false);
  });

  test('folders of processes that are gone are removed after a day', () => {
    const parent = join(root, 'abandoned');
    const gone = join(parent, 'neurofuzz-arrays-4194305-ab');
    const own = join(parent, `neurofuzz-arrays-${process.pid}-ab`);
    for (const folder of [gone, own, join(parent, 'others')]) mkdirSync(folder, { recursive: true });
    removeAbandonedFolders(parent);
    expect(existsSync(gone)).toBe(true);
    removeAbandonedFolders(parent, Date.now() + 25 * 60 * 60 * 1000);
    expect(readdirSync(parent).sort()).toEqual([`neurofuzz-arrays-${process.pid}-ab`, 'others']);
  });

  test('a message of which one array can not be written leaves no file behind', () => {
    const { folder, sender } = pair('left');
    sender.pack({ first: new Float32Array(LARGE) });
    writeFileSync(join(folder, 'a2'), 'in the way');
    const message = { inputs: [new Float32Array(LARGE), new Float32Array(LARGE)] };
    expect(sender.pack(message)).toBe(message);
    expect(readdirSync(folder)).toEqual(['a0']);
  });

  test('within the message where the folder can not be made', () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    const message = { values: new Float32Array(LARGE) };
    expect(new ArrayFiles(join(file, 'folder'), 'a').pack(message)).toBe(message);
  });
});
