import { makeFolder } from '../core/atomic-file.ts';
import { checkFolder } from '../storage/check-folder.ts';
import { Lock } from '../storage/lock.ts';

/** The lock on a campaign's folder, which is created when nothing stands in the way of the campaign any more. */
export class FolderClaim {
  readonly #folder: string;
  #lock: Lock | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async lock(): Promise<void> {
    this.#lock = await Lock.acquire(this.#folder);
  }

  async create(): Promise<void> {
    await makeFolder(this.#folder, 'the campaign folder');
    await this.lock();
    await checkFolder(this.#folder);
  }

  /** Runs an action; the folder is released if it fails. */
  async whileHeld<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    await this.#lock?.release();
  }
}
