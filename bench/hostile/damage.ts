import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Random } from '../../src/core/random.ts';

/** All files below a folder, as paths relative to it, sorted. */
export function filesBelow(folder: string): string[] {
  return (readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}

/** Changes bytes at random: a few of them, a stretch, the length. The result differs from what was given. */
export function changedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const kinds = [
    flippedBit,
    replacedBytes,
    cutShort,
    withoutStretch,
    withRepeatedStretch,
    extended,
    overwritten,
  ];
  const changed = kinds[random.below(kinds.length)](Uint8Array.from(bytes), random);
  return Buffer.compare(changed, bytes) === 0 ? extended(changed, random) : changed;
}

function flippedBit(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
  return bytes;
}

function replacedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const interesting = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x7b, 0x0a];
  for (let i = 0; i <= random.below(8) && bytes.length > 0; i++)
    bytes[random.below(bytes.length)] = interesting[random.below(interesting.length)];
  return bytes;
}

function cutShort(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, random.below(bytes.length + 1));
}

function withoutStretch(bytes: Uint8Array, random: Random): Uint8Array {
  const from = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + 1 + random.below(64));
  return Uint8Array.from([...bytes.subarray(0, from), ...bytes.subarray(to)]);
}

function withRepeatedStretch(bytes: Uint8Array, random: Random): Uint8Array {
  const from = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + 1 + random.below(256));
  return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
}

function extended(bytes: Uint8Array, random: Random): Uint8Array {
  const more = Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256));
  return Buffer.concat([bytes, more]);
}

function overwritten(bytes: Uint8Array, random: Random): Uint8Array {
  const from = random.below(bytes.length + 1);
  const fill = [0, 0xff, 0x41][random.below(3)];
  return bytes.fill(fill, from, Math.min(bytes.length, from + 1 + random.below(512)));
}

/** What was done to a folder. */
export interface Damage {
  readonly kind: string;
  /** The damaged file, relative to the folder. */
  readonly file: string;
}

/** Damages one file of a folder at random. */
export function damageFolder(folder: string, random: Random): Damage {
  const files = filesBelow(folder);
  const file = pickFile(files, random);
  const path = join(folder, file);
  const kinds: Readonly<Record<string, () => void>> = {
    'one bit flipped': () => writeFileSync(path, flippedBit(readFileSync(path), random)),
    'bytes changed': () => writeFileSync(path, changedBytes(readFileSync(path), random)),
    emptied: () => writeFileSync(path, ''),
    removed: () => rmSync(path),
    'replaced by a folder': () => {
      rmSync(path);
      mkdirSync(join(path, 'x'), { recursive: true });
    },
    'replaced by a link to itself': () => {
      rmSync(path);
      symlinkSync(basename(path), path);
    },
    'replaced by another file': () => copyFileSync(join(folder, files[random.below(files.length)]), path),
  };
  // Flipped bits and changed bytes are what may pass in silence: half of all damage.
  const names = Object.keys(kinds);
  const kind = random.uniform() < 0.5 ? names[random.below(2)] : names[random.below(names.length)];
  kinds[kind]();
  return { kind, file };
}

/** Each kind of file is as likely as every other: there are hundreds of testcases and one checkpoint. */
function pickFile(files: readonly string[], random: Random): string {
  const lists = [...groupByKind(files).values()];
  const list = lists[random.below(lists.length)];
  return list[random.below(list.length)];
}

function groupByKind(files: readonly string[]): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  for (const file of files) {
    const kind = file.replaceAll(/[0-9a-f]{16}/g, '*');
    kinds.set(kind, [...(kinds.get(kind) ?? []), file]);
  }
  return kinds;
}
