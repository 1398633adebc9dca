import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isProcessAlive } from '../core/is-process-alive.ts';

/** Bytes from which on an array travels as a file: serialized, 5 MB take a round trip of 40 ms, as a file 5 ms. */
const MIN_FILE_BYTES = 1 << 18;

type TypedArray = Exclude<NodeJS.TypedArray, Buffer>;

/** Classes of the arrays that messages hold. */
const ARRAY_CLASSES = new Map(
  [
    Float32Array,
    Float64Array,
    Int8Array,
    Int16Array,
    Int32Array,
    BigInt64Array,
    Uint8Array,
    Uint8ClampedArray,
    Uint16Array,
    Uint32Array,
    BigUint64Array,
  ].map((arrayClass) => [arrayClass.name, arrayClass]),
);

/** What stands in a message for an array that lies in a file. */
interface ArrayReference {
  readonly arrayFile: string;
  readonly type: string;
  readonly length: number;
}

/** Folder that Linux keeps in memory. */
const MEMORY_FOLDER = '/dev/shm';

const FOLDER_PATTERN = /^neurofuzz-arrays-(\d+)-/;

/** Age of a folder from which on it is taken for abandoned, if its process is gone: another container may see it too. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

/** A folder for the arrays of this process and another: in memory where the system has such a place. */
export function arrayFolder(parent = existsSync(MEMORY_FOLDER) ? MEMORY_FOLDER : tmpdir()): string {
  return join(parent, `neurofuzz-arrays-${process.pid}-${randomBytes(6).toString('hex')}`);
}

/** Removes the folders of processes that were killed together with those that they started. */
export function removeAbandonedFolders(parent: string, now = Date.now()): void {
  for (const name of readdirSync(parent)) {
    const pid = Number(FOLDER_PATTERN.exec(name)?.[1] ?? process.pid);
    if (pid === process.pid || isProcessAlive(pid)) continue;
    const folder = join(parent, name);
    try {
      if (now - statSync(folder).mtimeMs >= ABANDONED_MS) rmSync(folder, { recursive: true });
    } catch {
      // It is another user's, or just went.
    }
  }
}

/**
 * Large typed arrays of messages between two processes of one machine: they are written to files of a folder that both know,
 * and each file is removed by the process that reads it.
 */
export class ArrayFiles {
  readonly #folder: string;
  readonly #prefix: string;
  #count = 0;

  /**
   * @param folder need not exist; its owner removes it with `remove`
   * @param prefix tells this process's files from those of the other
   */
  constructor(folder: string, prefix: string) {
    this.#folder = folder;
    this.#prefix = prefix;
  }

  /** A message with its large arrays in files; the message itself where it has none, or they can't be written. */
  pack<T>(message: T): T {
    const written: string[] = [];
    try {
      return this.#replace(message, (array) => this.#write(array, written)) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      // A temporary folder that is full or read-only slows messages down, no more: nobody will read what was written.
      for (const path of written) rmSync(path, { force: true });
      return message;
    }
  }

  /** A message that was packed by the other process; reads and removes the files. */
  unpack<T>(message: T): T {
    return this.#replace(message, undefined) as T;
  }

  /** Removes the folder with all that was not read; `removeAbandonedFolders` does it later where that fails. */
  remove(): void {
    try {
      rmSync(this.#folder, { recursive: true, force: true });
    } catch {
      // The failure of the machine that is the cause has ended what needed the folder, and is reported there.
    }
  }

  /** A copy of the parts of a value that hold what is replaced; the value itself where nothing is. */
  #replace(value: unknown, write: ((array: TypedArray) => ArrayReference) | undefined): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (ArrayBuffer.isView(value))
      return write !== undefined && value.byteLength >= MIN_FILE_BYTES && ARRAY_CLASSES.has(typeName(value))
        ? write(value as TypedArray)
        : value;
    if (write === undefined && this.#isReference(value)) return readArray(value);
    if (Array.isArray(value)) return this.#replaceElements(value, write);
    if (value instanceof Map) return this.#replaceMap(value, write);
    let copy: Record<string, unknown> | undefined;
    for (const [key, part] of Object.entries(value)) {
      const replaced = this.#replace(part, write);
      if (replaced === part) continue;
      copy ??= { ...value };
      copy[key] = replaced;
    }
    return copy ?? value;
  }

  #replaceElements(
    list: readonly unknown[],
    write: ((array: TypedArray) => ArrayReference) | undefined,
  ): readonly unknown[] {
    // Lists are of one kind; those of numbers and texts may be long.
    if (typeof list[0] !== 'object') return list;
    let copy: unknown[] | undefined;
    list.forEach((part, i) => {
      const replaced = this.#replace(part, write);
      if (replaced === part) return;
      copy ??= [...list];
      copy[i] = replaced;
    });
    return copy ?? list;
  }

  #replaceMap(
    map: ReadonlyMap<unknown, unknown>,
    write: ((array: TypedArray) => ArrayReference) | undefined,
  ): ReadonlyMap<unknown, unknown> {
    let copy: Map<unknown, unknown> | undefined;
    for (const [key, part] of map) {
      const replaced = this.#replace(part, write);
      if (replaced === part) continue;
      copy ??= new Map(map);
      copy.set(key, replaced);
    }
    return copy ?? map;
  }

  /**
   * Whether an object stands for an array. Names and values in a message may be a model's: only one that names a file of this
   * folder, whose name nobody else knows, was written by the other process.
   */
  #isReference(value: object): value is ArrayReference {
    return (
      'arrayFile' in value && typeof value.arrayFile === 'string' && dirname(value.arrayFile) === this.#folder
    );
  }

  /** @param written receives the file's path before it is written */
  #write(array: TypedArray, written: string[]): ArrayReference {
    if (this.#count === 0) {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      removeAbandonedFolders(dirname(this.#folder));
    }
    const arrayFile = join(this.#folder, `${this.#prefix}${this.#count++}`);
    written.push(arrayFile);
    writeFileSync(arrayFile, new Uint8Array(array.buffer, array.byteOffset, array.byteLength), {
      flag: 'wx',
    });
    return { arrayFile, type: typeName(array), length: array.length };
  }
}

/** Name of an array's type; its constructor may be of another realm. */
function typeName(array: ArrayBufferView): string {
  return array.constructor.name;
}

function readArray({ arrayFile, type, length }: ArrayReference): TypedArray {
  const arrayClass = ARRAY_CLASSES.get(type);
  if (arrayClass === undefined) throw new Error(`no array is of type ${type}`);
  const array = new arrayClass(length);
  const bytes = new Uint8Array(array.buffer);
  const file = openSync(arrayFile, 'r');
  try {
    for (let read = 0; read < bytes.length; ) {
      const count = readSync(file, bytes, read, bytes.length - read, read);
      if (count === 0) throw new Error(`${arrayFile} ends after ${read} of ${bytes.length} bytes`);
      read += count;
    }
  } finally {
    closeSync(file);
    unlinkSync(arrayFile);
  }
  return array;
}
