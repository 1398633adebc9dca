import { loadModel, preloadRuntimes } from '../model/formats/registry.ts';
import type { LoadOptions, Model } from '../model/model.ts';
import { changeLimits, heartbeat, whenWatched } from './rpc-server.ts';

/** Limits of loading any model and of its first run, and what each byte of its files adds to them. */
const BASE_LIMITS = { memory: 1e9, seconds: 3.5 } as const;
const LIMITS_PER_BYTE = { memory: 8, seconds: 2e-6 } as const;

/** Bytes that a process may hold in all other runs, beside what the model's files and its inputs account for. */
const RUNNING_MEMORY = 4e9;

/** What each byte of a run's inputs accounts for: an upscaler computes several hundred times its input. */
const MEMORY_PER_INPUT_BYTE = 512;

/** Whether what the sizes account for is a limit of memory: nobody asked for another one. */
const isMemoryAssumed = process.env.NEUROFUZZ_MEMORY_ASSUMED === '1';

/** Bytes of the files of the largest model, or pair of models, that this process has loaded. */
let modelBytes = 0;

/**
 * Loads a model in a process that ends itself where that takes more than the size of the model's files
 * accounts for: a few bytes may declare any amount of memory or work.
 *
 * @throws UserError where it can't be loaded
 */
export async function loadWithinLimits(path: string, options: LoadOptions): Promise<Model> {
  await preloadRuntimes([path, ...(options.secondModel === undefined ? [] : [options.secondModel.path])]);
  const model = await withinLimits((allow) =>
    loadModel(path, {
      ...options,
      onModelBytes: (bytes) => {
        options.onModelBytes?.(bytes);
        modelBytes = Math.max(modelBytes, bytes);
        allow(bytes);
      },
      onStep: heartbeat,
    }),
  );
  limitRuns(0);
  return model;
}

/**
 * Runs an action within the limits of loading a model.
 *
 * @param action calls `allow` once it knows how large the model's files are
 */
export async function withinLimits<T>(action: (allow: (bytes: number) => void) => Promise<T>): Promise<T> {
  const limit = (bytes: number): void =>
    changeLimits({
      loading: {
        memory: BASE_LIMITS.memory + LIMITS_PER_BYTE.memory * bytes,
        seconds: BASE_LIMITS.seconds + LIMITS_PER_BYTE.seconds * bytes,
      },
    });
  await whenWatched();
  limit(0);
  try {
    return await action(limit);
  } finally {
    changeLimits({ loading: null });
  }
}

/**
 * Runs a loaded model for the first time, or on sizes that were guessed: within the memory that loading may take and what the
 * inputs account for, unless another limit was asked for.
 *
 * @param inputBytes bytes of the inputs of the largest run
 */
export async function withinFirstRunLimits<T>(inputBytes: number, run: () => Promise<T>): Promise<T> {
  if (!isMemoryAssumed) return run();
  await whenWatched();
  const memory = BASE_LIMITS.memory + accountedMemory(inputBytes);
  changeLimits({
    loading: { memory, seconds: Number.POSITIVE_INFINITY, raisedBy: '--memory allows more' },
  });
  try {
    return await run();
  } finally {
    changeLimits({ loading: null });
  }
}

/**
 * Limits the memory of all runs from now on to what the sizes account for, unless another limit was asked for.
 *
 * @param inputBytes bytes of the inputs of the largest run
 */
export function limitRuns(inputBytes: number): void {
  if (isMemoryAssumed) changeLimits({ memory: RUNNING_MEMORY + accountedMemory(inputBytes) });
}

function accountedMemory(inputBytes: number): number {
  return LIMITS_PER_BYTE.memory * modelBytes + MEMORY_PER_INPUT_BYTE * inputBytes;
}
