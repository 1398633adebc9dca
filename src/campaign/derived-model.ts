import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder, writeFolderDurably } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import type { ModelFiles } from '../model/quantize/kind.ts';
import { DERIVED_MODEL_FOLDER, findDerivedModel, mainFile } from '../storage/load-options.ts';

/** The quantized copy of a campaign's model: in a temporary folder until the campaign's folder exists, then in that. */
export class DerivedModel {
  readonly #campaignFolder: string;
  readonly #isResumed: boolean;
  readonly #modelFolder: string;
  #temporaryFolder: string | undefined;
  #files: ModelFiles = new Map();

  /** @param isResumed whether the campaign in the folder goes on: where another one begins, its copy is not used */
  constructor(campaignFolder: string, isResumed: boolean) {
    this.#campaignFolder = campaignFolder;
    this.#isResumed = isResumed;
    this.#modelFolder = join(campaignFolder, DERIVED_MODEL_FOLDER);
  }

  /** Path of the file in the campaign's folder; undefined while there is none. */
  async find(): Promise<string | undefined> {
    return this.#isResumed ? findDerivedModel(this.#campaignFolder) : undefined;
  }

  /**
   * Writes the copy to a temporary folder, where workers can load it.
   *
   * @returns path of the file to load
   */
  async stage(files: ModelFiles): Promise<string> {
    this.#files = files;
    this.#temporaryFolder = await makeTemporaryFolder('copy');
    for (const [name, bytes] of files) await writeFile(join(this.#temporaryFolder, name), bytes);
    return join(this.#temporaryFolder, mainFile([...files.keys()]));
  }

  /** Writes a copy that was staged to the campaign's folder. @throws UserError where that fails */
  async persist(): Promise<void> {
    if (this.#temporaryFolder === undefined) return;
    try {
      await writeFolderDurably(this.#modelFolder, this.#files);
    } catch (error) {
      throw fileError(error, 'write to the campaign folder', this.#modelFolder);
    }
  }

  /** Removes the temporary folder. */
  async close(): Promise<void> {
    if (this.#temporaryFolder !== undefined)
      await rm(this.#temporaryFolder, { recursive: true, force: true });
  }
}
