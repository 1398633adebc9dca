import { type FSWatcher, watch } from 'node:fs';

/**
 * Tells that something in some folders changed. Where the system cannot watch a folder (network file systems, too many
 * watchers), nothing is told of it: the caller also looks at intervals.
 */
export class FolderWatcher {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches these folders, without those below them, and no others. */
  watch(folders: readonly string[]): void {
    for (const [folder, watcher] of this.#watchers)
      if (!folders.includes(folder)) {
        watcher.close();
        this.#watchers.delete(folder);
      }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#add(folder);
  }

  #add(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#onChange());
      this.#watchers.set(folder, watcher);
      watcher.on('error', () => {
        // The folder was removed; a later call may watch it anew.
        watcher.close();
        this.#watchers.delete(folder);
      });
    } catch {
      // Looking at intervals is enough.
    }
  }

  close(): void {
    this.watch([]);
  }
}
