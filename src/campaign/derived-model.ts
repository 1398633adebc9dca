import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFolderDurably } from '../core/atomic-file.ts';
import { fileError } from '../core/errors.ts';
import type { ModelFiles } from '../model/quantize/kind.ts';
import { COPY, copyIn, mainFile } from '../storage/load-options.ts';

/** A copy that is derived for a campaign: in a folder for the time being until the campaign has one, then in that. */
export class DerivedCopy {
  readonly #campaign: string;
  readonly #folder: string;
  #home: string | undefined;
  #files: ModelFiles = new Map();

  /** @param folder the campaign's */
  constructor(folder: string) {
    this.#campaign = folder;
    this.#folder = join(folder, COPY);
  }

  /** The file in the campaign's folder, where it was put before. */
  async find(): Promise<string | undefined> {
    return copyIn(this.#campaign);
  }

  /** Puts it where workers can load it; nothing is written to the campaign's folder yet. */
  async put(files: ModelFiles): Promise<string> {
    this.#files = files;
    this.#home = await mkdtemp(join(tmpdir(), 'neurofuzz-copy-'));
    for (const [name, bytes] of files) await writeFile(join(this.#home, name), bytes);
    return join(this.#home, mainFile([...files.keys()]));
  }

  /** Puts it into the campaign's folder, which is there by now. */
  async keep(): Promise<void> {
    if (this.#home === undefined) return;
    try {
      await writeFolderDurably(this.#folder, this.#files);
    } catch (error) {
      throw fileError(error, 'write to the campaign folder', this.#folder);
    }
  }

  async close(): Promise<void> {
    if (this.#home !== undefined) await rm(this.#home, { recursive: true, force: true });
  }
}
