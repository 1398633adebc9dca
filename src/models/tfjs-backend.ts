import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { MachineError, reason } from '../errors.ts';
import type { Runtime, RuntimeKind } from './model.ts';

const require = createRequire(import.meta.url);

type TfjsRuntime = Exclude<RuntimeKind, 'onnx'>;

/** Fastest first. */
const BY_SPEED: readonly TfjsRuntime[] = ['tensorflow', 'wasm', 'cpu'];

const NATIVE = '@tensorflow/tfjs-node-gpu';

/** Silences TensorFlow.js' advertisements on the console; errors still throw. */
function quiet(): void {
  tf.env().set('PROD', true);
}

const starters: Readonly<Record<TfjsRuntime, () => Promise<string>>> = {
  async tensorflow() {
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';
    require(NATIVE);
    await use('tensorflow');
    return versionOf(NATIVE);
  },
  async wasm() {
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    wasm.setWasmPaths(`${folder}${sep}dist${sep}`);
    wasm.setThreadsCount(1);
    await use('wasm');
    return versionOf('@tensorflow/tfjs-backend-wasm');
  },
  async cpu() {
    await import('@tensorflow/tfjs-backend-cpu');
    await use('cpu');
    return versionOf('@tensorflow/tfjs-backend-cpu');
  },
};

async function use(backend: TfjsRuntime): Promise<void> {
  quiet();
  if (!(await tf.setBackend(backend))) throw new Error(`the ${backend} backend does not start`);
  await tf.ready();
}

function versionOf(name: string): string {
  return `${name} ${(require(`${name}/package.json`) as { version: string }).version}`;
}

/**
 * Starts the runtime that was asked for, or the fastest that starts. TensorFlow.js has one backend a
 * process, so all its models here share it.
 *
 * @param slower on `auto`, skip runtimes up to and including this one, which failed on the model
 * @throws MachineError where none starts, or not the one asked for
 */
export async function startTfjs(
  wanted: TfjsRuntime | 'auto',
  slower?: { readonly than: TfjsRuntime; readonly because: string },
): Promise<Runtime> {
  const first = slower === undefined ? 0 : BY_SPEED.indexOf(slower.than) + 1;
  const candidates = wanted === 'auto' ? BY_SPEED.slice(first) : [wanted];
  const failures: string[] = slower === undefined ? [] : [`${slower.than}: ${slower.because}`];
  for (const kind of candidates) {
    try {
      const version = await starters[kind]();
      const why = wanted === 'auto' ? 'the fastest that works here' : 'as asked for';
      return { kind, version, why: failures.length > 0 ? `${why}; ${failures.join('; ')}` : why };
    } catch (error) {
      failures.push(`${kind}: ${whyNot(kind, error)}`);
    }
  }
  throw new MachineError(`no runtime for TensorFlow.js models starts here: ${failures.join('; ')}`);
}

function whyNot(kind: TfjsRuntime, error: unknown): string {
  const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
  if (kind === 'tensorflow' && missing && reason(error).includes(NATIVE)) {
    return `${NATIVE} is not installed (npm leaves it out where it cannot fetch libtensorflow)`;
  }
  return reason(error);
}
