import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { ModelConfig } from '../config/schema.ts';
import { inferInput } from '../inputs/infer-input.ts';
import type { InputKind } from '../inputs/input-kind.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { chooseWatchedTensors } from '../model/coverage-tensors.ts';
import {
  countHiddenBodies,
  countOperations,
  countParameters,
  type DeclaredShape,
  type Graph,
  producersByTensor,
} from '../model/graph/graph.ts';
import type { InputSpec, ModelInfo } from '../model/model.ts';
import type { DType } from '../tensor/tensor.ts';
import { withModelSession } from '../workers/model-session.ts';

/** Version of the object that `inspect --json` prints. */
const INSPECTION_VERSION = 1;

/** An input, described. */
export interface InspectedInput {
  readonly name: string;
  readonly type: DType | 'string';
  /** The batch dimension included; a free dimension is its name, or null. */
  readonly shape: DeclaredShape;
  readonly kind: InputKind;
  /** Assumed legal values; absent for strings. */
  readonly range?: readonly [low: number, high: number];
  readonly why: string;
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
  readonly sites: readonly Omit<NumericalSite, 'targets'>[];
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
  return withModelSession(config, async (session) => {
    const model = session.info;
    const declared = model.graph.shapes;
    const missing = model.watchable.filter((name) => !declared.has(name));
    const inferred = missing.length === 0 ? undefined : await session.shapes(missing);
    const shapeOf = (name: string): DeclaredShape | undefined =>
      declared.get(name) ?? inferred?.shapes.get(name);
    const notes = (model.omittedOutputs ?? []).map(
      ({ name, reason }) => `output ${name} is not looked at: ${reason}`,
    );
    if (inferred?.failure !== undefined)
      notes.push(`some shapes are not known: the model fails on zeros (${inferred.failure})`);
    return buildInspection(model, session.sites, shapeOf, notes);
  });
}

function guessOf(input: InputSpec, graph: Graph): Pick<InspectedInput, 'kind' | 'range' | 'why'> {
  const { kind, range, reason } = inferInput(input, graph);
  return { kind, ...(kind === 'strings' ? {} : { range }), why: reason };
}

/** An input's shape with a string as one value. */
function stringShape({ shape, strings }: InputSpec): DeclaredShape {
  return strings === undefined ? shape : shape.slice(0, -1);
}

function buildInspection(
  model: ModelInfo,
  sites: readonly NumericalSite[],
  shapeOf: (name: string) => DeclaredShape | undefined,
  notes: readonly string[],
): Inspection {
  const { path, format, sha256, runtime, graph } = model;
  const producers = producersByTensor(graph);
  const watched = chooseWatchedTensors(model);
  return {
    formatVersion: INSPECTION_VERSION,
    model: { path, format, sha256, runtime },
    inputs: stripBatchDimension(model.inputs).map((input, i) => ({
      name: input.name,
      type: input.strings === undefined ? input.type : 'string',
      shape: graph.shapes.get(input.name) ?? stringShape(model.inputs[i]),
      ...guessOf(input, graph),
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
    sites: sites.map(({ targets: _targets, ...site }) => site),
    hiddenBodies: countHiddenBodies(graph),
    coverage: { auto: watched.tensors, why: watched.why },
    notes,
  };
}
