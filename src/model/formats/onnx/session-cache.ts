import type { InferenceSession } from 'onnxruntime-node';
import { LruCache } from '../../../core/lru-cache.ts';
import type { TensorExposure } from '../../model.ts';

/** Maximum number of sessions of one model. Each exposes other tensors and holds its own copy of the weights. */
const MAX_SESSIONS = 5;

/**
 * LRU cache of a model's sessions by the tensors that they expose beside the outputs. The session of the unmodified
 * model stays, and so do those that were open before tensors were exposed in bulk: most batches run in one of them.
 */
export class SessionCache implements TensorExposure {
  readonly #outputs: ReadonlySet<string>;
  readonly #open: (exposed: readonly string[]) => Promise<InferenceSession>;
  readonly #sessions: LruCache<string, InferenceSession>;
  #exposed: ReadonlySet<string> = new Set();
  #pinned: ReadonlySet<string> = new Set();

  /**
   * @param plain session of the unmodified model
   * @param open opens one with further tensors exposed
   */
  constructor(
    plain: InferenceSession,
    outputs: readonly string[],
    open: (exposed: readonly string[]) => Promise<InferenceSession>,
  ) {
    this.#outputs = new Set(outputs);
    this.#open = open;
    this.#sessions = new LruCache(MAX_SESSIONS, {
      isPinned: (key, session) => session === plain || this.#pinned.has(key),
    });
    this.#sessions.set(keyOf([]), plain);
  }

  expose(tensors: readonly string[]): void {
    this.#pinned = new Set(this.#sessions.keys());
    this.#exposed = new Set(tensors.filter((name) => !this.#outputs.has(name)));
  }

  /**
   * A session that gives the watched tensors. Watching what an open session exposes takes that one, so that it is not
   * slowed down by what else is exposed in bulk.
   */
  async sessionFor(watched: readonly string[]): Promise<InferenceSession> {
    const inner = watched.filter((name) => !this.#outputs.has(name));
    const isShared = !this.#sessions.has(keyOf(inner)) && inner.every((name) => this.#exposed.has(name));
    const exposed = isShared ? [...this.#exposed] : inner;
    const key = keyOf(exposed);
    let session = this.#sessions.get(key);
    if (session === undefined) {
      // Before the new one is stored: where all others are pinned it would itself be released.
      for (const unused of this.#sessions.evict(MAX_SESSIONS - 1)) await unused.release();
      session = await this.#open(exposed);
      this.#sessions.set(key, session);
    }
    return session;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await session.release();
    this.#sessions.clear();
  }
}

function keyOf(tensors: readonly string[]): string {
  return JSON.stringify(tensors);
}
