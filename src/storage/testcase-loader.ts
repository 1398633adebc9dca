import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, MachineError } from '../core/errors.ts';
import type { TestcaseLoader } from '../fuzzer/corpus/corpus.ts';
import { decodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import { testcasePath, VECTORS_FILE } from './journal.ts';

/** Reads the testcases and activations of a campaign's folder, which the store has written. */
export class FolderTestcaseLoader implements TestcaseLoader {
  readonly #folder: string;
  readonly #inputs: readonly InputSpec[];

  /** @param inputs the model's inputs without the batch dimension */
  constructor(folder: string, inputs: readonly InputSpec[]) {
    this.#folder = folder;
    this.#inputs = inputs;
  }

  load(id: string): TestcaseData {
    const path = testcasePath(this.#folder, id);
    return readOrFail(path, () => {
      const data = decodeTestcase(this.#inputs, readFileSync(path), path);
      if (testcaseId(data) !== id) throw new Error('its values have changed');
      return data;
    });
  }

  loadActivations(from: number, to: number, width: number): Float32Array {
    const path = join(this.#folder, VECTORS_FILE);
    const vectors = new Float32Array((to - from) * width);
    const offset = from * width * Float32Array.BYTES_PER_ELEMENT;
    readOrFail(path, () => readExactly(path, new Uint8Array(vectors.buffer), offset));
    return vectors;
  }
}

function readExactly(path: string, bytes: Uint8Array, offset: number): void {
  const handle = openSync(path, 'r');
  try {
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(handle, bytes, done, bytes.length - done, offset + done);
      if (count === 0) throw new Error('it is cut');
      done += count;
    }
  } finally {
    closeSync(handle);
  }
}

function readOrFail<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new MachineError(
      `${path} can no longer be read (${errorMessage(error)}): --resume continues without it`,
    );
  }
}
