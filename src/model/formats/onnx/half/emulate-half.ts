import { UserError } from '../../../../core/errors.ts';
import type { HalfArithmetic, HalfFormat, HalfSettings } from '../../../half.ts';
import { upgradeOnnx } from '../../../quantize/upgrade-opset.ts';
import { decodeMessage } from '../../decode-message.ts';
import { changed, mapBodies } from '../control-flow/bodies.ts';
import { encodeModel } from '../control-flow/encode-model.ts';
import type { OnnxContent } from '../graph.ts';
import {
  ATTRIBUTE_TYPE,
  ModelProto,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
} from '../proto.ts';
import { DATA_TYPE } from '../tensor.ts';
import { computesInHalf, constantTensorOf, HALF_TYPE, type HalfTypes, halfTypesOf } from './half-tensors.ts';
import { HALF_PREFIX, SumWriter } from './sum-writer.ts';
import { type TensorFacts, tensorFactsOf } from './tensor-facts.ts';

/** A model that computes in single precision what half-precision hardware would. */
export interface EmulatedModel {
  readonly bytes: Uint8Array;
  readonly arithmetic: HalfArithmetic;
  /** Names of the tensors whose values are in half precision; in `bytes` they are of float32. */
  readonly halves: ReadonlySet<string>;
}

/** Attributes that name the type of a result, or of what an operation computes in. */
const TYPE_ATTRIBUTES: ReadonlySet<string> = new Set(['dtype', 'output_dtype', 'stash_type']);

/** Operations whose results are values of their operands, which are rounded already. */
const COPYING_OPS: ReadonlySet<string> = new Set(
  `Identity Reshape Flatten Squeeze Unsqueeze Transpose Slice Split Concat Gather GatherElements GatherND Expand Tile
  Where Max Min Relu Abs Neg Sign Clip Pad MaxPool GlobalMaxPool ReduceMax ReduceMin TopK Compress DepthToSpace
  SpaceToDepth ReverseSequence Trilu If Loop Scan`.split(/\s+/),
);

/**
 * Rewrites an ONNX model of float16 or bfloat16 tensors so that the runtime, which computes such files in single
 * precision or not at all, computes what hardware does. Each result is rounded by a pair of Cast, and every inner tensor
 * keeps its name and is of float32. Inputs and outputs of bfloat16 become float32, since testcases have no such type.
 *
 * @param content what the file holds
 * @returns undefined for a model that does not compute in half precision
 * @throws UserError where operators are too old to be rewritten, or the model has both formats
 */
export function emulateHalf(
  bytes: Uint8Array,
  content: Pick<OnnxContent, 'graph' | 'opset' | 'halfFormats'>,
  path: string,
  settings: HalfSettings,
): EmulatedModel | undefined {
  const [format, ...others] = content.halfFormats;
  if (format === undefined) return undefined;
  const { graph: original } = decodeMessage<OnnxModel>(ModelProto, bytes);
  if (!original || !computesInHalf(original)) return undefined;
  if (others.length > 0)
    throw new UserError(
      `${path} has float16 and bfloat16 tensors: only models of one of the two are emulated`,
    );
  const model = decodeMessage<OnnxModel>(ModelProto, upgradeOnnx(bytes, content, path));
  const rewriter = new HalfRewriter(format, settings);
  const graph = rewriter.rewriteModel(model.graph ?? original);
  return {
    bytes: encodeModel(changed(model, { graph })),
    arithmetic: { format, ...rewriter.sums.account() },
    halves: rewriter.halves,
  };
}

/** What a graph is rewritten by. */
interface Scope {
  readonly types: HalfTypes;
  readonly facts: TensorFacts;
  /** Inputs and outputs of the model that the graph reads by other names, in single precision. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Constants that are added to the graph. */
  readonly constants: OnnxTensor[];
}

class HalfRewriter {
  readonly sums: SumWriter;
  readonly halves = new Set<string>();
  readonly #format: HalfFormat;
  readonly #type: number;

  constructor(format: HalfFormat, settings: HalfSettings) {
    this.#format = format;
    this.#type = HALF_TYPE[format];
    this.sums = new SumWriter(settings);
  }

  rewriteModel(graph: OnnxGraph): OnnxGraph {
    const constants = new Set(graph.initializer.map(({ name }) => name));
    const types = halfTypesOf(graph);
    // In old files constants are inputs as well.
    const input = graph.input.filter(({ name }) => !constants.has(name));
    const isHalf = ({ name }: OnnxValue): boolean => types.get(name) === 'float16';
    const halfInputs = input.filter(isHalf);
    // What a testcase gives and a result shows keeps its name and its type; the graph reads it by another name.
    const outputs = this.#format === 'float16' ? graph.output.filter(isHalf) : [];
    const renamed = new Map([...halfInputs, ...outputs].map(({ name }) => [name, `${HALF_PREFIX}${name}`]));
    const heads = halfInputs.flatMap(({ name }) => this.#readInput(name));
    const facts = aliasedFacts(tensorFactsOf(graph), renamed);
    const rewritten = this.#rewrite(graph, { types, facts, renamed, constants: [] });
    const single = (value: OnnxValue): OnnxValue => this.#asSingle(value);
    return changed(rewritten, {
      node: [...heads, ...rewritten.node],
      ...(this.#format === 'float16'
        ? { input }
        : { input: input.map(single), output: graph.output.map(single) }),
    });
  }

  /** An input in single precision; one that is declared so is rounded first. */
  #readInput(name: string): OnnxNode[] {
    const single = `${HALF_PREFIX}${name}`;
    return this.#format === 'float16'
      ? [castNode(name, single, DATA_TYPE.float32)]
      : this.#round(name, `${single}/rounded`, single);
  }

  #rewrite(graph: OnnxGraph, scope: Scope): OnnxGraph {
    const { types, renamed, constants } = scope;
    for (const [name, type] of types) if (type === 'float16') this.halves.add(name);
    const heads: OnnxNode[] = [];
    const initializer = graph.initializer.map((tensor) => {
      const { name, dataType } = tensor;
      if (dataType !== this.#type) return tensor;
      const half = halfName(name, scope);
      heads.push(castNode(half, renamed.get(name) ?? name, DATA_TYPE.float32));
      return changed(tensor, { name: half });
    });
    const node = [...heads, ...graph.node.flatMap((original) => this.#rewriteNode(original, scope))];
    return changed(graph, {
      initializer: [...initializer, ...constants],
      node,
      // What was declared of inner tensors no longer holds.
      valueInfo: graph.valueInfo.filter(({ name }) => types.get(name) !== 'float16'),
    });
  }

  #rewriteNode(original: OnnxNode, scope: Scope): OnnxNode[] {
    const { types, facts, renamed, constants } = scope;
    const isHalf = (name: string): boolean => types.get(name) === 'float16';
    const single = (name: string): string => renamed.get(name) ?? name;
    const fields = { input: original.input.map(single), attribute: this.#singleAttributes(original) };
    const node = mapBodies(changed(original, fields), ({ graph }) => this.#rewriteBody(graph, scope));
    const { opType, output, input } = node;
    if (!output.some(isHalf)) return [node];
    const isHalfConstant =
      (opType === 'Constant' || opType === 'ConstantOfShape') &&
      constantTensorOf(node)?.dataType === this.#type;
    if (opType === 'Cast' || opType === 'CastLike' || isHalfConstant) {
      const half = halfName(output[0], scope);
      const given = isHalfConstant ? changed(node, { output: [half] }) : castNode(input[0], half, this.#type);
      return [given, castNode(half, single(output[0]), DATA_TYPE.float32)];
    }
    if (COPYING_OPS.has(opType))
      return [
        changed(node, { output: output.map(single) }),
        ...output.filter((name) => renamed.has(name)).map((name) => castNode(single(name), name, this.#type)),
      ];
    const exact = output.map((name) => (isHalf(name) ? `${HALF_PREFIX}${name}/exact` : name));
    const computed = this.sums.expand(changed(node, { output: exact }), node.name || output[0], facts);
    constants.push(...computed.constants);
    const rounding = output.flatMap((name, i) =>
      isHalf(name) ? this.#round(exact[i], halfName(name, scope), single(name)) : [],
    );
    return [...computed.nodes, ...rounding];
  }

  #rewriteBody(graph: OnnxGraph, outer: Scope): OnnxGraph {
    const types = halfTypesOf(graph, outer.types);
    const facts = tensorFactsOf(graph, outer.facts);
    const scope = { types, facts, renamed: outer.renamed, constants: [] };
    const rewritten = this.#rewrite(graph, scope);
    return changed(rewritten, {
      input: rewritten.input.map((value) => this.#asSingle(value)),
      output: rewritten.output.map((value) => {
        const { name } = value;
        return changed(this.#asSingle(value), { name: outer.renamed.get(name) ?? name });
      }),
    });
  }

  /** Nodes that round a tensor of single precision. */
  #round(from: string, half: string, single: string): OnnxNode[] {
    return [castNode(from, half, this.#type), castNode(half, single, DATA_TYPE.float32)];
  }

  /** An input or output of single precision in place of half precision. */
  #asSingle(value: OnnxValue): OnnxValue {
    const tensorType = value.type?.tensorType;
    if (!tensorType || tensorType.elemType !== this.#type) return value;
    return changed(value, {
      type: changed(value.type as NonNullable<OnnxValue['type']>, {
        tensorType: changed(tensorType, { elemType: DATA_TYPE.float32 }),
      }),
    });
  }

  #singleAttributes({ opType, attribute }: OnnxNode): readonly OnnxAttribute[] {
    if (opType === 'Cast') return attribute;
    return attribute.map((holder) =>
      TYPE_ATTRIBUTES.has(holder.name) && Number(holder.i) === this.#type
        ? changed(holder, { i: DATA_TYPE.float32 })
        : holder,
    );
  }
}

/** Name of a tensor in half precision: its own, where the model gives it so. */
function halfName(name: string, { renamed }: Scope): string {
  return renamed.has(name) ? name : `${HALF_PREFIX}${name}/rounded`;
}

/** Facts that also go by the new names of renamed tensors. */
function aliasedFacts(facts: TensorFacts, renamed: ReadonlyMap<string, string>): TensorFacts {
  const names = new Map([...renamed].map(([name, alias]) => [alias, name]));
  const named = (name: string): string => names.get(name) ?? name;
  return {
    rankOf: (name) => facts.rankOf(named(name)),
    shapeOf: (name) => facts.shapeOf(named(name)),
    integersOf: (name) => facts.integersOf(named(name)),
  };
}

/** @param to TensorProto.DataType number */
function castNode(from: string, result: string, to: number): OnnxNode {
  const attribute = [{ name: 'to', i: to, type: ATTRIBUTE_TYPE.int }];
  const name = `${HALF_PREFIX}cast/${result}`;
  const node = { opType: 'Cast', name, input: [from], output: [result], attribute };
  return node as unknown as OnnxNode;
}
