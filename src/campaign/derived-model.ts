import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFolderDurably } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import type { ModelFiles } from '../model/quantize/kind.ts';
import { DERIVED_MODEL_FOLDER, findDerivedModel, mainFile } from '../storage/load-options.ts';

/** A copy that is derived for a campaign: in a folder for the time being until the campaign has one, then in that. */
export class DerivedModel {
  readonly #campaignFolder: string;
  readonly #copyFolder: string;
  #temporaryFolder: string | undefined;
  #files: ModelFiles = new Map();

  /** @param folder the campaign's */
  constructor(folder: string) {
    this.#campaignFolder = folder;
    this.#copyFolder = join(folder, DERIVED_MODEL_FOLDER);
  }

  /** The file in the campaign's folder, where it was put before. */
  async find(): Promise<string | undefined> {
    return findDerivedModel(this.#campaignFolder);
  }

  /** Puts it where workers can load it; nothing is written to the campaign's folder yet. */
  async stage(files: ModelFiles): Promise<string> {
    this.#files = files;
    this.#temporaryFolder = await mkdtemp(join(tmpdir(), 'neurofuzz-copy-'));
    for (const [name, bytes] of files) await writeFile(join(this.#temporaryFolder, name), bytes);
    return join(this.#temporaryFolder, mainFile([...files.keys()]));
  }

  /** Puts it into the campaign's folder, which is there by now. */
  async persist(): Promise<void> {
    if (this.#temporaryFolder === undefined) return;
    try {
      await writeFolderDurably(this.#copyFolder, this.#files);
    } catch (error) {
      throw fileError(error, 'write to the campaign folder', this.#copyFolder);
    }
  }

  async close(): Promise<void> {
    if (this.#temporaryFolder !== undefined)
      await rm(this.#temporaryFolder, { recursive: true, force: true });
  }
}
