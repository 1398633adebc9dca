import { readNumber, type Tensor } from '../../../tensor/tensor.ts';
import { NoGradientError, type TokenProjection, type TokenReplacements } from '../../gradients/gradient.ts';
import { findTokenLookups, type TokenLookup } from '../../gradients/token-lookups.ts';
import type { Graph } from '../../graph/graph.ts';
import { OnnxBuilder } from './builder.ts';
import type { OpenSession } from './onnxruntime.ts';
import { toOrt } from './ort-tensor.ts';

/** Version of the operators of the graph that projects. */
const OPSET = 13;

const GAINS = 'gains';
const TOKENS = 'tokens';

export interface TokenProjectionParts {
  readonly graph: Graph;
  readonly input: string;
  /** The value of a tensor that depends on no input. */
  readonly readTable: (table: string) => Promise<Tensor>;
  readonly open: OpenSession;
}

/** A projection on ONNX Runtime, which has its own copy of the embeddings. */
export interface OpenTokenProjection extends TokenProjection {
  dispose(): Promise<void>;
}

/** @throws NoGradientError if the input's tokens are looked up in no embedding */
export async function openTokenProjection({
  graph,
  input,
  readTable,
  open,
}: TokenProjectionParts): Promise<OpenTokenProjection> {
  const oneHot = graph.inputs.includes(input) && isFloat(graph, input);
  const lookups: TokenLookup[] = oneHot
    ? [{ output: input, table: undefined, scale: 1 }]
    : findTokenLookups(graph, input);
  if (lookups.length === 0) throw new NoGradientError(input, [`the look-up of ${input}`]);
  const tables = await Promise.all(lookups.map(({ table }) => table && readTable(table)));
  const sizes = tables.flatMap((table) => (table ? [table.shape[0]] : []));
  const known = sizes.length === 0 ? undefined : Math.min(...sizes);
  const sessions = new Map<string, ReturnType<OpenSession>>();
  const openFor = (count: number, size: number, widths: readonly number[]): ReturnType<OpenSession> => {
    const key = [count, size, ...widths].join('/');
    const session = sessions.get(key) ?? open(projectionGraph(lookups, tables, count, size, widths));
    sessions.set(key, session);
    return session;
  };
  return {
    lookups: lookups.map(({ output }) => output),
    vocabularySize: known ?? Number.POSITIVE_INFINITY,
    async project(gradients, ids, barred, wanted): Promise<TokenReplacements> {
      const tokens = ids.length;
      const widths = gradients.map(({ length }) => length / Math.max(1, tokens));
      const scored = widths.filter((_, j) => !tables[j]);
      const size = Math.min(barred.length, known ?? Number.POSITIVE_INFINITY, ...scored);
      const count = Math.min(wanted, size);
      const session = await openFor(count, size, widths);
      const current = BigInt64Array.from({ length: tokens }, (_, i) =>
        BigInt(Math.min(size - 1, Math.max(0, ids[i]))),
      );
      const feeds = Object.fromEntries([
        ...gradients.map((data, j) => [
          `gradient_${j}`,
          toOrt({ type: 'float32', shape: [tokens, widths[j]], data }),
        ]),
        ['ids', toOrt({ type: 'int64', shape: [tokens, 1], data: current })],
        ['barred', toOrt({ type: 'float32', shape: [size], data: barred.slice(0, size) })],
      ]);
      const results = await session.run(feeds, [TOKENS, GAINS]);
      return {
        tokens: Int32Array.from(results[TOKENS].data as BigInt64Array, Number),
        gains: results[GAINS].data as Float32Array,
        count,
      };
    },
    async dispose() {
      for (const session of sessions.values()) await (await session).release();
    },
  };
}

/** (e − e′)·∇ of every token, and the largest of each row. */
function projectionGraph(
  lookups: readonly TokenLookup[],
  tables: readonly (Tensor | '' | undefined)[],
  count: number,
  size: number,
  widths: readonly number[],
): Uint8Array {
  const graph = new OnnxBuilder();
  const scores = lookups.map(({ scale }, j) => {
    const table = tables[j];
    const width = widths[j];
    const gradient = graph.input(`gradient_${j}`, 'float32', ['tokens', width]);
    if (!table) {
      const bounds = [0, size, 1].map((value, n) =>
        graph.constant(`bound_${j}_${n}`, 'int64', [1], BigInt64Array.of(BigInt(value))),
      );
      const [from, to, axis] = bounds;
      const scores = graph.node('Slice', [gradient, from, to, axis], `unscaled_${j}`);
      const factor = graph.constant(`scale_${j}`, 'float32', [], Float32Array.of(scale));
      return graph.node('Mul', [scores, factor], `scores_${j}`);
    }
    const transposed = graph.constant(`table_${j}`, 'float32', [width, size], transpose(table, size));
    return graph.node('MatMul', [gradient, transposed], `scores_${j}`);
  });
  graph.input('ids', 'int64', ['tokens', 1]);
  graph.input('barred', 'float32', [size]);
  const total = scores.length === 1 ? scores[0] : graph.node('Sum', scores, 'scores');
  const scoreBefore = graph.node('GatherElements', [total, 'ids'], 'score_before', { axis: 1 });
  const gains = graph.node(
    'Add',
    [graph.node('Sub', [scoreBefore, total], 'differences'), 'barred'],
    'all_gains',
  );
  graph.constant('count', 'int64', [1], BigInt64Array.of(BigInt(count)));
  graph.node('TopK', [gains, 'count'], [GAINS, TOKENS], { axis: 1 });
  graph.output(GAINS, 'float32', ['tokens', count]);
  graph.output(TOKENS, 'int64', ['tokens', count]);
  return graph.finish('token-projection', OPSET);
}

/** The first rows of a table as columns, in float32. */
function transpose({ type, shape: [, width], data }: Tensor, rows: number): Float32Array {
  const out = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < width; i++) out[i * rows + row] = readNumber(type, data, row * width + i);
  return out;
}

function isFloat({ types }: Graph, tensor: string): boolean {
  return types.get(tensor)?.startsWith('float') === true;
}
