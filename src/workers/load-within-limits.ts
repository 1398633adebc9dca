import { loadModel, preloadRuntimes } from '../model/formats/registry.ts';
import type { LoadOptions, Model } from '../model/model.ts';
import { heartbeat, setLimits } from './rpc-server.ts';

/** Limits of loading any model, and what each byte of its files adds to them. */
const BASE_LIMITS = { memory: 1e9, seconds: 3.5 } as const;
const LIMITS_PER_BYTE = { memory: 8, seconds: 2e-6 } as const;

/**
 * Loads a model in a process that ends itself where that takes more than the size of the model's files
 * accounts for: a few bytes may declare any amount of memory or work.
 *
 * @throws UserError where it can't be loaded
 */
export async function loadWithinLimits(path: string, options: LoadOptions): Promise<Model> {
  await preloadRuntimes([path, ...(options.secondModel === undefined ? [] : [options.secondModel.path])]);
  return withinLimits((allow) =>
    loadModel(path, {
      ...options,
      onModelBytes: (bytes) => {
        options.onModelBytes?.(bytes);
        allow(bytes);
      },
      onStep: heartbeat,
    }),
  );
}

/**
 * Runs an action within the limits of loading a model.
 *
 * @param action calls `allow` once it knows how large the model's files are
 */
export async function withinLimits<T>(action: (allow: (bytes: number) => void) => Promise<T>): Promise<T> {
  const allow = (bytes: number): void =>
    setLimits({
      memory: BASE_LIMITS.memory + LIMITS_PER_BYTE.memory * bytes,
      seconds: BASE_LIMITS.seconds + LIMITS_PER_BYTE.seconds * bytes,
    });
  allow(0);
  try {
    return await action(allow);
  } finally {
    setLimits(undefined);
  }
}
