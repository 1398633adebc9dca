import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { ModelConfig } from '../config/schema.ts';
import { UserError } from '../core/errors.ts';
import { type InferredInput, inferInputs } from '../inputs/infer-input.ts';
import type { InputKind } from '../inputs/input-kind.ts';
import { chooseOpenSizes, type OpenSizes } from '../inputs/open-sizes.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { tryOnDrawnTestcase } from '../inputs/trial-testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { coverageCandidates, selectCandidate, type WatchedTensors } from '../model/coverage-tensors.ts';
import {
  countHiddenBodies,
  countOperations,
  countParameters,
  type DeclaredShape,
  producersByTensor,
} from '../model/graph/graph.ts';
import type { InputSpec, ModelInfo } from '../model/model.ts';
import type { DType } from '../tensor/tensor.ts';
import { type ModelSession, withModelSession } from '../workers/model-session.ts';

/** Version of the object that `inspect --json` prints. */
const INSPECTION_VERSION = 1;

/** An input, described. */
export interface InspectedInput {
  readonly name: string;
  readonly type: DType | 'string';
  /** The batch dimension included; a free dimension is its name, or null. */
  readonly shape: DeclaredShape;
  readonly kind: InputKind;
  readonly kindWhy: string;
  /** Assumed legal values; absent for strings. */
  readonly range?: readonly [low: number, high: number];
  /** Whether the range differs by channel or column; `range` then spans all. */
  readonly isRangeByChannel: boolean;
  readonly why: string;
  /** What it has in drawn seeds, and keeps unless mutators are asked for; undefined for an input that is mutated. */
  readonly stays?: number;
  /** Sizes of drawn seeds, batch included, where the model leaves some open. */
  readonly drawnShape?: readonly number[];
}

/** A tensor that can be watched. */
export interface InspectedTensor {
  readonly name: string;
  /** The operation that computes it. */
  readonly op: string;
  /** Undefined where neither the model declares it nor a run shows it. */
  readonly shape: DeclaredShape | undefined;
}

/** An output. */
export interface InspectedOutput extends Omit<InspectedTensor, 'op'> {
  /** Names of the classes that it tells, where the model has some. */
  readonly classes?: readonly string[];
}

/** Description of a model. */
export interface Inspection {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256' | 'runtime'>;
  readonly inputs: readonly InspectedInput[];
  readonly outputs: readonly InspectedOutput[];
  /** Numbers in the weights and other constants. */
  readonly parameters: number;
  /** Number of operations of each kind, the most frequent first. */
  readonly operations: Readonly<Record<string, number>>;
  /** In topological order. */
  readonly tensors: readonly InspectedTensor[];
  /** Operations that can produce NaN or infinity, in topological order. */
  readonly sites: readonly Omit<NumericalSite, 'targets' | 'results'>[];
  /** Number of bodies of control flow that are not searched for such operations. */
  readonly hiddenBodies: number;
  /** Tensors that `--coverage auto` selects, and the reason. */
  readonly coverage: { readonly auto: readonly string[]; readonly why: string };
  readonly notes: readonly string[];
}

/**
 * Describes a model. Shapes that it does not declare come from a run on zeros.
 *
 * @throws UserError where it can't be loaded
 */
export function inspect(config: ModelConfig): Promise<Inspection> {
  return withModelSession(config, (session) => inspectLoaded(session));
}

/**
 * As `inspect`, of a model that is loaded.
 *
 * @param seed a testcase that it takes, which brings the sizes that the model leaves open; without one, some are tried
 */
export async function inspectLoaded(session: ModelSession, seed?: TestcaseData): Promise<Inspection> {
  const model = session.info;
  const inputs = inferInputs(stripBatchDimension(model.inputs), model);
  const drawn: DrawnSizes =
    seed === undefined ? await drawnSizes(session, inputs) : { sizes: {}, note: undefined, testcase: seed };
  const { sizes, note, testcase } = drawn;
  const coverage = await chooseCoverage(session, testcase);
  const declared = model.graph.shapes;
  const missing = model.watchable.filter((name) => !declared.has(name));
  const inferred = missing.length === 0 ? undefined : await session.shapes(missing, sizes);
  const shapeOf = (name: string): DeclaredShape | undefined =>
    declared.get(name) ?? inferred?.shapes.get(name);
  const notes = (model.omittedOutputs ?? []).map(
    ({ name, reason }) => `output ${name} is not checked: ${reason}`,
  );
  if (inferred?.failure !== undefined)
    notes.push(`some shapes are not known: the model fails on zeros (${inferred.failure})`);
  if (note !== undefined) notes.push(note);
  return buildInspection(model, { inputs, sizes, sites: session.sites, coverage, shapeOf, notes });
}

/** The tensors that a campaign would watch: of several candidates, that which a run shows to be comparable. */
async function chooseCoverage(
  session: ModelSession,
  testcase: TestcaseData | undefined,
): Promise<WatchedTensors> {
  const candidates = coverageCandidates(session.info);
  if (testcase === undefined || candidates.length === 1) return candidates[0];
  try {
    const probe = (tensors: readonly string[]) => session.probeTensors(testcase, tensors);
    return (await selectCandidate(candidates, probe)).watched;
  } catch (error) {
    if (error instanceof UserError) return candidates[0];
    throw error;
  }
}

/** What a trial of drawn seeds shows. */
export interface DrawnSizes {
  /** Sizes for open dimensions. */
  readonly sizes: OpenSizes['shapes'];
  /** Why the model runs on no drawn seed. */
  readonly note: string | undefined;
  /** A drawn testcase that it runs on. */
  readonly testcase?: TestcaseData | undefined;
}

/** Tries sizes that a model leaves open, and draws a testcase that it runs on. */
export async function drawnSizes(
  session: ModelSession,
  inputs: readonly InferredInput[],
): Promise<DrawnSizes> {
  const { info } = session;
  let runnable: TestcaseData | undefined;
  const trySizes = tryOnDrawnTestcase(inputs, async (testcase) => {
    const failure = await session.tryRun(testcase);
    if (failure === undefined) runnable = testcase;
    return failure;
  });
  try {
    const { shapes, failure, tries } = await chooseOpenSizes(info.inputs, inputs, trySizes);
    const message = tries === 0 ? await trySizes(info.inputs) : failure;
    if (message === undefined) return { sizes: shapes, note: undefined, testcase: runnable };
    const tried = tries === 0 ? 'drawn inputs' : `drawn inputs of ${tries} sizes`;
    return {
      sizes: shapes,
      note: `the model fails on ${tried} (${message}): give inputs that it takes with --seeds, or sizes with --shape`,
    };
  } catch (error) {
    if (error instanceof UserError) return { sizes: {}, note: error.message };
    throw error;
  }
}

function inspectedGuess({
  kind,
  kindReason,
  range,
  rangeReason,
  stays,
  seedValue,
}: InferredInput): Omit<InspectedInput, 'name' | 'type' | 'shape' | 'drawnShape'> {
  return {
    kind,
    kindWhy: kindReason,
    ...(kind === 'strings' ? {} : { range: [range.low, range.high] as const }),
    isRangeByChannel: range.channels !== undefined,
    why: rangeReason,
    ...(stays && seedValue !== undefined ? { stays: seedValue } : {}),
  };
}

/** An input's shape with a string as one value. */
function stringShape({ shape, strings }: InputSpec): DeclaredShape {
  return strings === undefined ? shape : shape.slice(0, -1);
}

function buildInspection(
  model: ModelInfo,
  {
    inputs,
    sizes,
    sites,
    coverage,
    shapeOf,
    notes,
  }: {
    readonly inputs: readonly InferredInput[];
    readonly sizes: OpenSizes['shapes'];
    readonly sites: readonly NumericalSite[];
    readonly coverage: WatchedTensors;
    readonly shapeOf: (name: string) => DeclaredShape | undefined;
    readonly notes: readonly string[];
  },
): Inspection {
  const { path, format, sha256, runtime, graph } = model;
  const producers = producersByTensor(graph);
  return {
    formatVersion: INSPECTION_VERSION,
    model: { path, format, sha256, runtime },
    inputs: model.inputs.map((input, i) => ({
      name: input.name,
      type: input.strings === undefined ? input.type : 'string',
      shape: graph.shapes.get(input.name) ?? stringShape(input),
      ...inspectedGuess(inputs[i]),
      ...(sizes[input.name] === undefined ? {} : { drawnShape: sizes[input.name] }),
    })),
    outputs: model.outputs.map((name) => {
      const classes = model.classes?.get(name);
      return { name, shape: shapeOf(name), ...(classes === undefined ? {} : { classes }) };
    }),
    parameters: countParameters(graph),
    operations: Object.fromEntries(countOperations(graph)),
    tensors: model.watchable.map((name) => ({
      name,
      op: producers.get(name)?.op ?? '',
      shape: shapeOf(name),
    })),
    sites: sites.map(({ targets: _targets, results: _results, ...site }) => site),
    hiddenBodies: countHiddenBodies(graph),
    coverage: { auto: coverage.tensors, why: coverage.why },
    notes,
  };
}
