import type { InferenceSession } from 'onnxruntime-node';
import { LruCache } from '../../../core/lru-cache.ts';
import { sizeOf, type Tensor } from '../../../tensor/tensor.ts';
import {
  type BackwardGraph,
  buildBackwardGraph,
  furtherUpstream,
  tensorsToProbe,
  UPSTREAM,
} from '../../gradients/backward-graph.ts';
import {
  type Differentiable,
  type Gradient,
  type GradientRequest,
  NoGradientError,
  type RecordedRun,
  type TokenProjection,
} from '../../gradients/gradient.ts';
import type { Graph } from '../../graph/graph.ts';
import type { NamedTensor } from '../../model.ts';
import { appendGraph, exposeOnnxTensors } from './expose-tensors.ts';
import type { OpenSession } from './onnxruntime.ts';
import { fromOrt, toOrt } from './ort-tensor.ts';
import { shiftInput, shiftTensors } from './shift-tensors.ts';
import { type OpenTokenProjection, openTokenProjection } from './token-projection.ts';

/** Begins the names of the outputs that hold gradients. */
const RESULT_PREFIX = 'neurofuzz/gradient/of/';

/** Bytes of all prepared gradients, each of which holds its own copy of the weights; the last one may take more. */
const MAX_GRADIENT_BYTES = 256e6;

/** Bytes of a session beside the weights. */
const SESSION_BYTES = 1e6;

/** Oldest versions of the default domain's operators in which the nodes of a gradient can be appended to a model. */
const APPENDABLE_OPSET = 13;
const SCATTER_OPSET = 16;
/** Newest version for which the written operators are known to be defined as in the oldest. */
const NEWEST_OPSET = 22;

/** Version of the operators of a gradient in a file of its own. */
const SEPARATE_OPSET = 18;

export interface OnnxGradientParts {
  /** The file in which inner tensors are observed. */
  readonly file: Uint8Array;
  /** Its graph, with the types that tensors have in runs. */
  readonly graph: Graph;
  readonly opset: number;
  readonly constant: (name: string) => Tensor | undefined;
  readonly open: OpenSession;
  /** The file with further outputs. */
  readonly expose: (tensors: readonly string[]) => Uint8Array;
  readonly namedFeeds: (feeds: readonly Tensor[]) => InferenceSession.FeedsType;
  /** Tensors that a run can give. */
  readonly isWatchable: (tensor: string) => boolean;
}

/** Gradients of an ONNX model by backward graphs on ONNX Runtime. */
export class OnnxGradients implements Differentiable {
  readonly #parts: OnnxGradientParts;
  readonly #prepared: LruCache<string, OpenGradient>;
  readonly #bytes: number;
  /** By input; it keeps its own copy of the embeddings. */
  readonly #projections = new Map<string, Promise<OpenTokenProjection>>();

  constructor(parts: OnnxGradientParts) {
    this.#parts = parts;
    this.#bytes = parts.file.length + SESSION_BYTES;
    this.#prepared = new LruCache(MAX_GRADIENT_BYTES, { weightOf: () => this.#bytes });
  }

  async gradient(request: GradientRequest, feeds: readonly Tensor[]): Promise<Gradient> {
    const { of, alsoOf = [], wrt, straightThrough = false, guided = false } = request;
    const { shifts = [], layout = 'auto' } = request;
    const key = JSON.stringify([
      of,
      alsoOf,
      wrt,
      straightThrough,
      guided,
      shifts,
      layout,
      feeds.map(({ shape }) => shape),
    ]);
    let gradient = this.#prepared.get(key);
    if (gradient === undefined) {
      for (const unused of this.#prepared.evict(MAX_GRADIENT_BYTES - this.#bytes)) await unused.dispose();
      gradient = await this.#prepare({ of, alsoOf, wrt, straightThrough, guided, shifts, layout }, feeds);
      this.#prepared.set(key, gradient);
    }
    return gradient;
  }

  tokenProjection(input: string, feeds: readonly Tensor[]): Promise<TokenProjection> {
    let projection = this.#projections.get(input);
    if (projection === undefined) {
      const { graph, constant, open } = this.#parts;
      const readTable = async (table: string): Promise<Tensor> =>
        constant(table) ?? ((await this.#probe([table], feeds)).get(table) as Tensor);
      projection = openTokenProjection({ graph, input, readTable, open });
      this.#projections.set(input, projection);
    }
    return projection;
  }

  async dispose(): Promise<void> {
    for (const projection of this.#projections.values())
      await projection.then(
        (opened) => opened.dispose(),
        () => {},
      );
    this.#projections.clear();
    for (const gradient of this.#prepared.values()) await gradient.dispose();
    this.#prepared.clear();
  }

  async #prepare(request: Required<GradientRequest>, feeds: readonly Tensor[]): Promise<OpenGradient> {
    const { graph, opset, constant } = this.#parts;
    const { of, alsoOf, wrt } = request;
    const forward = await this.#probe(tensorsToProbe(graph, [of, ...alsoOf], wrt), feeds);
    const build = (isAppended: boolean): BackwardGraph =>
      buildBackwardGraph({ ...request, graph, opset, constant, forward, isAppended });
    const canAppend = request.layout === 'auto' && opset >= APPENDABLE_OPSET && opset <= NEWEST_OPSET;
    let backward = build(canAppend);
    const isAppended = canAppend && (opset >= SCATTER_OPSET || !backward.writer.needsScatter);
    if (canAppend && !isAppended) backward = build(false);
    const { gradients, stops, differentiated, onPath, writer } = backward;
    if (gradients.every((gradient) => gradient === undefined)) throw new NoGradientError(of, stops);
    const shapes = wrt.map((name) => forward.get(name)?.shape ?? []);
    const shape = forward.get(of)?.shape ?? [];
    const results = gradients.map((gradient, i) => {
      if (gradient === undefined) return undefined;
      const name = `${RESULT_PREFIX}${i}`;
      writer.builder.node('Identity', [gradient.name], name);
      writer.builder.output(name, 'float32', shapes[i]);
      return name;
    });
    const description = { shape, stops, differentiated, onPath };
    return isAppended
      ? this.#openAppended(backward, results, shapes, description, request.shifts)
      : this.#openSeparate(backward, results, shapes, description, request);
  }

  /** Runs the model once for the shapes of tensors, and the values of those that are no weights and depend on no input. */
  async #probe(tensors: readonly string[], feeds: readonly Tensor[]): Promise<ReadonlyMap<string, Tensor>> {
    const { open, expose, namedFeeds, graph, isWatchable } = this.#parts;
    const watched = tensors.filter((name) => !graph.inputs.includes(name) && isWatchable(name));
    const probe = await open(expose(watched), { graphOptimizationLevel: 'disabled' });
    try {
      const inputs = namedFeeds(feeds);
      const results = await probe.run(inputs, watched);
      return new Map(
        [...watched.map((name) => [name, results[name]] as const), ...Object.entries(inputs)].map(
          ([name, tensor]) => [name, fromOrt(name, tensor as InferenceSession.ReturnType[string])],
        ),
      );
    } finally {
      await probe.release();
    }
  }

  #shiftedFile(shifted: readonly string[]): Uint8Array {
    const { file, graph } = this.#parts;
    return shifted.length === 0 ? file : shiftTensors(file, shifted, (name) => graph.types.get(name));
  }

  async #openAppended(
    { writer }: BackwardGraph,
    results: readonly (string | undefined)[],
    shapes: readonly (readonly number[])[],
    description: GradientDescription,
    shifted: readonly string[],
  ): Promise<OpenGradient> {
    const { open, namedFeeds } = this.#parts;
    const session = await open(appendGraph(this.#shiftedFile(shifted), writer.builder.graph('')));
    const outputs = results.filter((name) => name !== undefined);
    return {
      ...description,
      async run(feeds, upstream, further, shifts) {
        const given = await session.run(
          { ...namedFeeds(feeds), ...shiftFeeds(shifts), ...upstreamFeeds(upstream, further) },
          outputs,
        );
        return toGradients(given, results, shapes);
      },
      dispose: () => session.release(),
    };
  }

  async #openSeparate(
    { writer, saved }: BackwardGraph,
    results: readonly (string | undefined)[],
    shapes: readonly (readonly number[])[],
    description: GradientDescription,
    request: Required<GradientRequest>,
  ): Promise<OpenGradient> {
    const { graph, open, namedFeeds } = this.#parts;
    const differentiated = [request.of, ...request.alsoOf];
    const expose =
      request.shifts.length === 0
        ? this.#parts.expose
        : (tensors: readonly string[]) => exposeOnnxTensors(this.#shiftedFile(request.shifts), tensors);
    const inner = saved.map(({ tensor }) => tensor).filter((tensor) => !graph.inputs.includes(tensor));
    const wanted = [...new Set([...inner, ...differentiated])];
    const forward = await open(expose(wanted.filter((tensor) => !graph.outputs.includes(tensor))));
    const backward = await open(writer.builder.finish('gradient', SEPARATE_OPSET));
    const outputs = results.filter((name) => name !== undefined);
    const record = async (
      feeds: readonly Tensor[],
      names: readonly string[],
      shifts?: readonly Tensor[],
    ): Promise<RecordedRun> => {
      const inputs = { ...namedFeeds(feeds), ...shiftFeeds(shifts) };
      const tensors = { ...(names.length === 0 ? {} : await forward.run(inputs, names)), ...inputs };
      const savedFeeds = Object.fromEntries(saved.map(({ tensor, input }) => [input, tensors[tensor]]));
      const given = differentiated.filter((name) => names.includes(name));
      return {
        results: new Map(
          given.map((name) => [name, fromOrt(name, tensors[name] as InferenceSession.ReturnType[string])]),
        ),
        async back(upstream, further) {
          const gradients = await backward.run(
            { ...savedFeeds, ...upstreamFeeds(upstream, further) },
            outputs,
          );
          return toGradients(gradients, results, shapes);
        },
      };
    };
    return {
      ...description,
      record: (feeds) => record(feeds, wanted),
      run: async (feeds, upstream, further, shifts) =>
        (await record(feeds, inner, shifts)).back(upstream, further),
      async dispose() {
        await forward.release();
        await backward.release();
      },
    };
  }
}

function shiftFeeds(shifts: readonly Tensor[] = []): InferenceSession.FeedsType {
  return Object.fromEntries(shifts.map((tensor, i) => [shiftInput(i), toOrt(tensor)]));
}

type GradientDescription = Pick<Gradient, 'shape' | 'stops' | 'differentiated' | 'onPath'>;

interface OpenGradient extends Gradient {
  dispose(): Promise<void>;
}

function upstreamFeeds(upstream: Tensor, further: readonly Tensor[] = []): InferenceSession.FeedsType {
  const entries = further.map((tensor, i) => [furtherUpstream(i), toOrt(tensor)] as const);
  return { [UPSTREAM]: toOrt(upstream), ...Object.fromEntries(entries) };
}

function toGradients(
  given: InferenceSession.ReturnType,
  results: readonly (string | undefined)[],
  shapes: readonly (readonly number[])[],
): NamedTensor[] {
  return results.map((name, i) =>
    name === undefined
      ? { name: '', type: 'float32', shape: shapes[i], data: new Float32Array(sizeOf(shapes[i])) }
      : fromOrt(name, given[name]),
  );
}
