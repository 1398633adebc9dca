import { createHash } from 'node:crypto';
import type { InferenceSession } from 'onnxruntime-node';
import { errorMessage, UserError } from '../../../core/errors.ts';
import { type HalfChoice, type HalfSettings, halfSettings } from '../../half.ts';
import type { InputInvariants, ModelLoader } from '../../model.ts';
import { readUnpacked } from '../confined-path.ts';
import { openBatchAxis } from './batch/open-batch-axis.ts';
import { prepareControlFlow } from './control-flow/prepare-model.ts';
import {
  checkSelfContained,
  type InlinedModel,
  inlineExternalData,
  MAX_ONNX_BYTES,
} from './external-data/inline-external-data.ts';
import { type OnnxContent, readOnnx } from './graph.ts';
import { type EmulatedModel, emulateHalf } from './half/emulate-half.ts';
import { OnnxModel, ORT_VERSION } from './onnx-model.ts';
import { type OpenSession, ort } from './onnxruntime.ts';
import { rewriteNonTensorOutputs } from './tensor-outputs.ts';

/** One thread a session: two single-threaded sessions beat one with two threads, and rows stay bit-equal. */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
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
        `--runtime ${options.runtime} cannot run ${path}, an ONNX model: remove it or use onnx`,
      );
    }
    const file = await readUnpacked(path, MAX_ONNX_BYTES);
    if (file.length === 0) throw new UserError(`${path} is empty: export or copy the model again`);
    const model = await inlineExternalData(file, path, { keepsLarge: true });
    const bytes = options.opensBatch === true ? withOpenBatch(model.bytes, path) : model.bytes;
    const original = readOnnx(bytes, path);
    options.onModelBytes?.(model.contents.reduce((sum, { length }) => sum + length, file.length));
    const open = sessionOpener(path, model, options.threads ?? 1);
    const hash = createHash('sha256').update(file);
    for (const content of model.contents) hash.update(content);
    const rewritten =
      original.nonTensorOutputs.length > 0 ? rewriteNonTensorOutputs(bytes) : { bytes, omitted: [] };
    const plainContent = rewritten.bytes === bytes ? original : readOnnx(rewritten.bytes, path);
    const { half, refusal } = await emulatedModel(rewritten.bytes, plainContent, path, options.half, open);
    const plainFile = half?.emulated.bytes ?? rewritten.bytes;
    const plain = half?.session ?? (await openPlain(path, plainFile, open));
    const hasBodies = plainContent.graph.nodes.some(({ subgraphs }) => subgraphs !== undefined);
    const invariants = (hasBodies ? options.invariants : undefined) ?? NO_INVARIANTS;
    const prepared = hasBodies
      ? await prepareControlFlow(rewritten.bytes, invariants, open)
      : rewritten.bytes;
    const content = hasBodies ? readOnnx(prepared, path) : plainContent;
    const observedHalf =
      half === undefined || !hasBodies ? half?.emulated : emulateHalf(prepared, content, path, half.settings);
    return new OnnxModel({
      path,
      sha256: hash.digest('hex'),
      threads: options.threads ?? 1,
      observed: observedHalf?.bytes ?? prepared,
      invariants,
      graph: content.graph,
      opset: content.opset,
      constant: content.constant,
      half: observedHalf,
      copyArithmetic: content.half,
      halfRefusal: refusal,
      strings: plainContent.strings,
      omitted: rewritten.omitted,
      open,
      plainFile,
      plain,
    });
  },
};

/**
 * Opens sessions on the bytes of a model, or of one derived from it; the only place that gives the runtime a model. They are ONNX
 * to it whatever else they may look like: what it runs is what was read.
 */
function sessionOpener(path: string, { weightFiles }: InlinedModel, threads: number): OpenSession {
  return async (bytes, { extra, ...further } = {}) => {
    checkSelfContained(bytes, weightFiles, path);
    const session = { ...(extra?.session as object | undefined), load_model_format: 'ONNX' };
    return ort.InferenceSession.create(bytes, {
      ...SESSION_OPTIONS,
      intraOpNumThreads: threads,
      externalData: weightFiles,
      ...further,
      extra: { ...extra, session },
    });
  };
}

/** A model in emulated half precision, and its session. */
interface OpenEmulation {
  readonly emulated: EmulatedModel;
  readonly settings: HalfSettings;
  readonly session: InferenceSession;
}

/**
 * The model in emulated half precision, where it computes in that and emulation is chosen.
 *
 * @returns nothing for other models; where `auto` finds one that can't be emulated, why
 * @throws UserError where one can't be emulated for which settings are given
 */
async function emulatedModel(
  bytes: Uint8Array,
  content: OnnxContent,
  path: string,
  choice: HalfChoice | undefined,
  open: OpenSession,
): Promise<{ readonly half?: OpenEmulation; readonly refusal?: string }> {
  const settings = halfSettings(choice);
  if (settings === undefined) return {};
  try {
    const emulated = emulateHalf(bytes, content, path, settings);
    if (emulated === undefined) return {};
    return { half: { emulated, settings, session: await open(emulated.bytes) } };
  } catch (error) {
    if (choice === 'auto') return { refusal: errorMessage(error) };
    throw new UserError(
      `${path} cannot be run in emulated half precision: ${errorMessage(error)}; remove --half, or turn it off with --half off`,
    );
  }
}

/** @throws UserError where an operation may not compute each row by itself */
function withOpenBatch(bytes: Uint8Array, path: string): Uint8Array {
  const opened = openBatchAxis(bytes, path);
  if ('bytes' in opened) return opened.bytes;
  throw new UserError(`${path}: its batch of 1 cannot be opened: ${opened.refusal}`);
}

async function openPlain(path: string, bytes: Uint8Array, open: OpenSession): Promise<InferenceSession> {
  try {
    return await open(bytes);
  } catch (error) {
    throw new UserError(`ONNX Runtime ${ORT_VERSION} cannot load ${path}: ${errorMessage(error)}`);
  }
}
