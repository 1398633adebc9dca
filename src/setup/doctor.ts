import { rm } from 'node:fs/promises';
import { makeTemporaryFolder } from '../core/atomic-file.ts';
import { errorMessage } from '../core/errors.ts';
import { processScript } from '../core/package-files.ts';
import { loadHnswlib } from '../coverage/index/load-hnswlib.ts';
import { RUNTIMES, type Runtime, type RuntimeKind } from '../model/model.ts';
import { RestartingProcess } from '../workers/lifetime/restarting-process.ts';
import { availableCores, memoryShare } from '../workers/resource-limits.ts';
import { RpcClient } from '../workers/rpc-client.ts';
import type { DoctorApi } from '../workers/services/doctor-service.ts';
import { BUILTIN_DESCRIPTION, writeBuiltinModels } from './builtin-model.ts';

/** Version of the object that `doctor --json` prints. */
const DIAGNOSIS_VERSION = 1;

/** Milliseconds without a heartbeat while a runtime starts and is benchmarked. */
const TIMEOUT_MS = 60_000;

/** State of one runtime on this machine. */
export interface RuntimeDiagnosis {
  readonly kind: RuntimeKind;
  /** Formats that it runs, for display. */
  readonly runs: string;
  readonly works: boolean;
  readonly version?: string;
  readonly device?: string;
  /** Threads of one worker; a campaign has as many workers as cores. */
  readonly threads?: number;
  /** Testcases a second of the built-in network. */
  readonly rate?: number;
  /** Why it does not work, and what to do. */
  readonly problem?: string;
}

/** Runtimes and limits of a machine. */
export interface Diagnosis {
  readonly formatVersion: number;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
  /** Bytes that each worker may hold where there is one for each core. */
  readonly memoryPerWorker: number;
  /** Network of the benchmark. */
  readonly network: string;
  readonly runtimes: readonly RuntimeDiagnosis[];
  /** Why the neighbour index does not load, and what to do; absent where it does. Campaigns need it. */
  readonly indexProblem?: string;
  /** Recommendations. */
  readonly advice: readonly string[];
}

const FORMATS_BY_RUNTIME: Readonly<Record<RuntimeKind, string>> = {
  onnx: 'ONNX',
  tensorflow: 'TensorFlow.js, SavedModel',
  wasm: 'TensorFlow.js',
  cpu: 'TensorFlow.js',
};

/** Tries every runtime, each in a process of its own. */
export async function diagnose(): Promise<Diagnosis> {
  const folder = await makeTemporaryFolder('doctor');
  try {
    const models = await writeBuiltinModels(folder);
    const runtimes: RuntimeDiagnosis[] = [];
    // One after the other: side by side they would slow each other down.
    for (const kind of ['onnx', ...RUNTIMES.filter((kind) => kind !== 'onnx')] as const) {
      runtimes.push(await tryRuntime(kind, kind === 'onnx' ? models.onnx : models.tfjs));
    }
    return {
      formatVersion: DIAGNOSIS_VERSION,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      cores: availableCores(),
      memoryPerWorker: memoryShare(availableCores()),
      network: BUILTIN_DESCRIPTION,
      runtimes,
      ...indexProblem(),
      advice: adviceOn(runtimes),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As a member of the diagnosis, which is absent where there is no problem. */
function indexProblem(): Pick<Diagnosis, 'indexProblem'> {
  try {
    loadHnswlib();
    return {};
  } catch (error) {
    return { indexProblem: errorMessage(error) };
  }
}

async function tryRuntime(kind: RuntimeKind, model: string): Promise<RuntimeDiagnosis> {
  const script = processScript('doctor-service');
  const child = new RestartingProcess<DoctorApi>({
    spawn: () => new RpcClient({ script, timeout: TIMEOUT_MS, memory: memoryShare(1) }),
    state: { resets: [], adds: [] },
  });
  try {
    const { runtime, testcasesPerSecond } = await child.call('benchmark', { model, runtime: kind });
    const { version, device, threads }: Runtime = runtime;
    return {
      kind,
      runs: FORMATS_BY_RUNTIME[kind],
      works: true,
      version,
      device,
      threads,
      rate: Math.round(testcasesPerSecond),
    };
  } catch (error) {
    const problem = errorMessage(error).replace(
      /^no runtime for TensorFlow\.js models starts here: \w+: /,
      '',
    );
    return { kind, runs: FORMATS_BY_RUNTIME[kind], works: false, problem };
  } finally {
    child.kill();
  }
}

function adviceOn(runtimes: readonly RuntimeDiagnosis[]): string[] {
  const advice: string[] = [];
  const forTfjs = runtimes.filter(({ kind, works }) => kind !== 'onnx' && works);
  const fastest = [...forTfjs].sort((a, b) => (b.rate ?? 0) - (a.rate ?? 0))[0];
  const chosen = forTfjs[0];
  if (chosen === undefined) advice.push('TensorFlow.js models cannot run here: install neurofuzz again');
  else if (fastest.kind !== chosen.kind) {
    advice.push(
      `auto takes ${chosen.kind} for TensorFlow.js models, as everywhere, so that campaigns stay the same; ${fastest.kind} was faster on this network: try --runtime ${fastest.kind}`,
    );
  } else advice.push(`auto takes ${chosen.kind} for TensorFlow.js models: the fastest here`);
  if (!forTfjs.some(({ kind }) => kind === 'tensorflow')) {
    advice.push(
      'for SavedModels, and for faster TensorFlow.js models: npm install @tensorflow/tfjs-node-gpu (or @tensorflow/tfjs-node), which fetches libtensorflow as it installs',
    );
  }
  return advice;
}
