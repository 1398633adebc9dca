import { bringUp, loadModel } from '../model/formats/registry.ts';
import type { LoadOptions, Model } from '../model/model.ts';
import { beat, limit } from './rpc-server.ts';

/** What loading any model may take, and what each byte of its files adds to that. */
const BASE = { memory: 1e9, seconds: 3.5 } as const;
const PER_BYTE = { memory: 8, seconds: 2e-6 } as const;

/**
 * Loads a model in a process that ends itself where that takes more than the size of the model's files
 * accounts for: a few bytes may declare any amount of memory or work.
 *
 * @throws UserError where it can't be loaded
 */
export async function loadWithinLimits(path: string, options: LoadOptions): Promise<Model> {
  await bringUp([path, ...(options.copy === undefined ? [] : [options.copy.path])]);
  return withinLimits((allow) => loadModel(path, { ...options, weighed: allow, stepped: beat }));
}

/** Does something with a model that may take what loading it may; `allow` says how large its files are. */
export async function withinLimits<T>(work: (allow: (bytes: number) => void) => Promise<T>): Promise<T> {
  const allow = (bytes: number): void =>
    limit({
      memory: BASE.memory + PER_BYTE.memory * bytes,
      seconds: BASE.seconds + PER_BYTE.seconds * bytes,
    });
  allow(0);
  try {
    return await work(allow);
  } finally {
    limit(undefined);
  }
}
