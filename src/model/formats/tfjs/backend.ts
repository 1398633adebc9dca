import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { errorMessage, MachineError } from '../../../core/errors.ts';
import type { Runtime, RuntimeKind } from '../../model.ts';

const require = createRequire(import.meta.url);

type TfjsRuntime = Exclude<RuntimeKind, 'onnx'>;

/** Fastest first. */
const RUNTIMES_BY_SPEED: readonly TfjsRuntime[] = ['tensorflow', 'wasm', 'cpu'];

/** The native packages; the first that is installed is taken. */
const NATIVE_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** Properties of a runtime that has started. */
type StartedRuntime = Pick<Runtime, 'version' | 'device' | 'threads'>;

/** Silences TensorFlow.js' advertisements on the console; errors still throw. */
function silenceLogs(): void {
  tf.env().set('PROD', true);
}

const starters: Readonly<Record<TfjsRuntime, () => Promise<StartedRuntime>>> = {
  async tensorflow() {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
    // The cores are shared out among worker processes.
    process.env.TF_NUM_INTRAOP_THREADS ??= '1';
    process.env.TF_NUM_INTEROP_THREADS ??= '1';
    const name = loadNativePackage();
    await activateBackend('tensorflow');
    const { isUsingGpuDevice } = tf.backend() as tf.KernelBackend & { readonly isUsingGpuDevice?: boolean };
    return {
      version: versionOf(name),
      device: isUsingGpuDevice === true ? 'GPU' : 'CPU',
      threads: Number(process.env.TF_NUM_INTRAOP_THREADS),
    };
  },
  async wasm() {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    wasm.setWasmPaths(`${folder}${sep}dist${sep}`);
    wasm.setThreadsCount(1);
    await activateBackend('wasm');
    const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT');
    const device = simd === true ? 'CPU, SIMD' : 'CPU';
    return { version: versionOf('@tensorflow/tfjs-backend-wasm'), device, threads: 1 };
  },
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    await activateBackend('cpu');
    return {
      version: versionOf('@tensorflow/tfjs-backend-cpu'),
      device: 'CPU, plain JavaScript',
      threads: 1,
    };
  },
};

/** Loads the native package, and returns its name. */
function loadNativePackage(): string {
  try {
    require(NATIVE_PACKAGES[0]);
    return NATIVE_PACKAGES[0];
  } catch (error) {
    if (!isModuleMissing(error, NATIVE_PACKAGES[0])) throw error;
    require(NATIVE_PACKAGES[1]);
    return NATIVE_PACKAGES[1];
  }
}

function isModuleMissing(error: unknown, name: string): boolean {
  return (
    (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND' && errorMessage(error).includes(`'${name}'`)
  );
}

async function activateBackend(backend: TfjsRuntime): Promise<void> {
  silenceLogs();
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend does not start`);
  await tf.ready();
}

function versionOf(name: string): string {
  return `${name} ${(require(`${name}/package.json`) as { version: string }).version}`;
}

/** Activates a runtime that has started; TensorFlow.js has one active backend at a time. */
export async function switchTfjs(kind: RuntimeKind): Promise<void> {
  if (tf.getBackend() !== kind) await tf.setBackend(kind);
}

/**
 * Starts and activates the wanted runtime, or the fastest that starts.
 *
 * @param slower on `auto`, skip runtimes up to and including this one, which failed on the model
 * @throws MachineError if none starts, or the wanted one does not
 */
export async function startTfjs(
  wanted: TfjsRuntime | 'auto',
  slower?: { readonly than: TfjsRuntime; readonly because: string },
): Promise<Runtime> {
  const first = slower === undefined ? 0 : RUNTIMES_BY_SPEED.indexOf(slower.than) + 1;
  const candidates = wanted === 'auto' ? RUNTIMES_BY_SPEED.slice(first) : [wanted];
  const failures: string[] = slower === undefined ? [] : [`${slower.than}: ${slower.because}`];
  for (const kind of candidates) {
    try {
      const started = await starters[kind]();
      const why = wanted === 'auto' ? 'the fastest that works here' : 'chosen with --runtime';
      return { kind, ...started, why: failures.length > 0 ? `${why}; ${failures.join('; ')}` : why };
    } catch (error) {
      failures.push(`${kind}: ${startFailure(kind, error)}`);
    }
  }
  throw new MachineError(`no runtime for TensorFlow.js models starts here: ${failures.join('; ')}`);
}

function startFailure(kind: TfjsRuntime, error: unknown): string {
  if (kind === 'tensorflow' && isModuleMissing(error, NATIVE_PACKAGES[1])) {
    return `${NATIVE_PACKAGES[0]} is not installed (npm skips it if it cannot download libtensorflow)`;
  }
  return errorMessage(error);
}
