import { createHash } from 'node:crypto';
import * as ort from 'onnxruntime-node';
import { errorMessage, UserError } from '../../../core/errors.ts';
import type { InputInvariants, ModelLoader } from '../../model.ts';
import { readUnpacked } from '../confined-path.ts';
import { openBatchAxis } from './batch/open-batch-axis.ts';
import { prepareControlFlow } from './control-flow/prepare-model.ts';
import { readExternalFiles } from './external-data.ts';
import { MAX_ONNX_BYTES, readOnnx } from './graph.ts';
import { OnnxModel, type OpenSession, ORT_VERSION } from './onnx-model.ts';
import { rewriteNonTensorOutputs } from './tensor-outputs.ts';

/** One thread a session: two single-threaded sessions beat one with two threads, and rows stay bit-equal. */
const SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  logSeverityLevel: 4,
};

const NO_INVARIANTS: InputInvariants = { values: {}, shapes: {} };

/** ONNX models on ONNX Runtime's CPU provider. */
export const onnxLoader: ModelLoader = {
  async load(path, options) {
    if (options.runtime !== 'auto' && options.runtime !== 'onnx') {
      throw new UserError(
        `--runtime ${options.runtime} cannot run ${path}, an ONNX model: leave it out or use onnx`,
      );
    }
    const file = await readUnpacked(path, MAX_ONNX_BYTES);
    if (file.length === 0) throw new UserError(`${path} is empty: export or copy the model again`);
    const bytes = options.opensBatch === true ? withOpenBatch(file, path) : file;
    const original = readOnnx(bytes, path);
    const externalData = await readExternalFiles(original.external, path);
    options.onModelBytes?.(externalData.reduce((sum, { data }) => sum + data.length, file.length));
    const threads = options.threads ?? 1;
    const open: OpenSession = (modelBytes, further = {}) =>
      ort.InferenceSession.create(modelBytes, {
        ...SESSION_OPTIONS,
        intraOpNumThreads: threads,
        externalData,
        ...further,
      });
    const hash = createHash('sha256').update(file);
    for (const { data } of externalData) hash.update(data);
    const rewritten =
      original.nonTensorOutputs.length > 0 ? rewriteNonTensorOutputs(bytes) : { bytes, omitted: [] };
    const plainContent = rewritten.bytes === bytes ? original : readOnnx(rewritten.bytes, path);
    const plain = await openPlain(path, rewritten.bytes, open);
    const hasBodies = plainContent.graph.nodes.some(({ subgraphs }) => subgraphs !== undefined);
    const invariants = (hasBodies ? options.invariants : undefined) ?? NO_INVARIANTS;
    const observed = hasBodies
      ? await prepareControlFlow(rewritten.bytes, invariants, open)
      : rewritten.bytes;
    const { graph, constant } = hasBodies ? readOnnx(observed, path) : plainContent;
    return new OnnxModel({
      path,
      sha256: hash.digest('hex'),
      threads,
      observed,
      invariants,
      graph,
      constant,
      strings: plainContent.strings,
      omitted: rewritten.omitted,
      open,
      plainFile: rewritten.bytes,
      plain,
    });
  },
};

/** @throws UserError where an operation may not compute each row by itself */
function withOpenBatch(bytes: Uint8Array, path: string): Uint8Array {
  const opened = openBatchAxis(bytes, path);
  if ('bytes' in opened) return opened.bytes;
  throw new UserError(`${path}: its batch of 1 cannot be opened: ${opened.refusal}`);
}

async function openPlain(path: string, bytes: Uint8Array, open: OpenSession): Promise<ort.InferenceSession> {
  try {
    return await open(bytes);
  } catch (error) {
    throw new UserError(`ONNX Runtime ${ORT_VERSION} cannot load ${path}: ${errorMessage(error)}`);
  }
}
