import { readFileSync } from 'node:fs';
import { errorMessage, MachineError } from '../core/errors.ts';
import type { TestcaseLoader } from '../fuzzer/corpus/corpus.ts';
import { decodeTestcase, type TestcaseData } from '../inputs/testcase.ts';
import type { InputSpec } from '../model/model.ts';
import { testcasePath } from './journal.ts';

/** Reads the testcases of a campaign's folder, which the store has written. */
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
    try {
      return decodeTestcase(this.#inputs, readFileSync(path), path);
    } catch (error) {
      throw new MachineError(
        `${path} can no longer be read (${errorMessage(error)}): --resume goes on without what is damaged`,
      );
    }
  }
}
