import { createRequire } from 'node:module';
import type * as Onnxruntime from 'onnxruntime-node';

// ONNX Runtime reads the variable when its library is loaded, and imports are run before any statement: hence `require`.
// Without it, it notes what runs, and a number of the machine, in the user's cache folder, and tries to send it.
process.env.ORT_DISABLE_TELEMETRY ??= '1';

/** ONNX Runtime with its telemetry off, unless the user has set ORT_DISABLE_TELEMETRY. All code imports it from here. */
export const ort = createRequire(import.meta.url)('onnxruntime-node') as typeof Onnxruntime;

/** Opens a session on the bytes of a model, or of one derived from it. */
export type OpenSession = (
  bytes: Uint8Array,
  options?: Onnxruntime.InferenceSession.SessionOptions,
) => Promise<Onnxruntime.InferenceSession>;
