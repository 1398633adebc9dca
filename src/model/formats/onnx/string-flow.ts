import type { OnnxGraph, OnnxNode } from './proto.ts';
import {
  intAttribute,
  stringAttribute,
  stringAttributes,
  stringsOf,
  textAttribute,
} from './string-attributes.ts';
import { STRING_TYPE } from './tensor.ts';

/** What is known of a tensor of strings. */
interface StringTensor {
  /** All values that it can have; undefined where the model does not limit them. */
  readonly values: readonly string[] | undefined;
  /** Inputs of the model whose strings, or parts of them, it holds. */
  readonly from: readonly string[];
  /** Whether it holds words that the model split strings into. */
  readonly isSplit: boolean;
}

/** What a graph says about its strings. */
export interface StringFlow {
  /** Names of all tensors of strings. */
  readonly tensors: ReadonlySet<string>;
  /** By tensor of strings with known values: those, each once. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** By tensor of numbers with a value for each class along its last axis: the names of the classes. */
  readonly classes: ReadonlyMap<string, readonly string[]>;
  /** By input of strings: the strings that the graph compares it with, in ascending order. */
  readonly pools: ReadonlyMap<string, { readonly pool: readonly string[]; readonly areTexts: boolean }>;
}

/** Operations that make other strings out of strings. */
const REWRITING_OPS = new Set(['StringNormalizer', 'StringConcat', 'StringSlice', 'StringLower']);

/** Operations that split strings into words. */
const SPLITTING_OPS = new Set(['Tokenizer', 'StringSplit', 'RegexSplitWithOffsets']);

/** Operations that keep the last axis of scores: one value for each class. */
const CLASSWISE_OPS = new Set([
  'Identity',
  'Normalizer',
  'Softmax',
  'LogSoftmax',
  'Sigmoid',
  'Cast',
  'Clip',
  'Add',
  'Sub',
  'Mul',
  'Div',
  'Neg',
  'ZipMap',
]);

/** LabelEncoder's result for other keys, where it names none (ai.onnx.ml, versions 2 to 4). */
const DEFAULT_LABEL = '_Unused';

/**
 * Follows strings through the operations of a graph (https://onnx.ai/onnx/operators, domain ai.onnx.ml included).
 * Bodies of If, Loop and Scan are not looked into.
 */
export function analyzeStrings(graph: OnnxGraph): StringFlow {
  return new StringAnalysis(graph).result();
}

class StringAnalysis {
  readonly #strings = new Map<string, StringTensor>();
  readonly #classes = new Map<string, readonly string[]>();
  readonly #pools = new Map<string, Set<string>>();
  readonly #texts = new Set<string>();

  constructor({ input, initializer, node }: OnnxGraph) {
    for (const tensor of initializer) this.#addConstant(tensor.name, stringsOf(tensor));
    for (const { name, type } of input) {
      if (type?.tensorType?.elemType !== STRING_TYPE || this.#strings.has(name)) continue;
      this.#strings.set(name, { values: undefined, from: [name], isSplit: false });
      this.#pools.set(name, new Set());
    }
    for (const operation of node) this.#visit(operation);
  }

  result(): StringFlow {
    const values = [...this.#strings].flatMap(([name, tensor]) =>
      tensor.values === undefined ? [] : [[name, [...new Set(tensor.values)]] as const],
    );
    const pools = [...this.#pools].map(
      ([name, pool]) => [name, { pool: [...pool].sort(), areTexts: this.#texts.has(name) }] as const,
    );
    return {
      tensors: new Set(this.#strings.keys()),
      values: new Map(values),
      classes: this.#classes,
      pools: new Map(pools),
    };
  }

  #addConstant(name: string, values: readonly string[] | undefined): void {
    if (values !== undefined) this.#strings.set(name, { values, from: [], isSplit: false });
  }

  #visit(node: OnnxNode): void {
    const { opType, output } = node;
    if (opType === 'Constant') {
      const plain = stringAttributes(node)[0]?.[1];
      const text = node.attribute.some(({ name }) => name === 'value_string')
        ? [textAttribute(node, 'value_string') ?? '']
        : undefined;
      this.#addConstant(output[0] ?? '', plain ?? text);
      return;
    }
    const read = node.input.flatMap((name) => this.#strings.get(name) ?? []);
    this.#addToPools(node, read);
    this.#followClasses(node);
    const result = this.#resultOf(node, read);
    // All results of a Split and the like hold strings; of other operations, the first.
    const holders = opType === 'Split' ? output : output.slice(0, 1);
    if (result !== undefined) for (const name of holders) if (name !== '') this.#strings.set(name, result);
  }

  /** Adds the strings that a node compares those of inputs with. */
  #addToPools(node: OnnxNode, read: readonly StringTensor[]): void {
    const isComparison = node.opType === 'Equal';
    const compared = [
      ...stringAttributes(node).flatMap(([name, values]) => (name.startsWith('values_') ? [] : values)),
      ...(isComparison ? read.flatMap(({ values = [] }) => values) : []),
    ];
    for (const { from, isSplit } of read) {
      for (const input of from) {
        for (const text of compared) this.#pools.get(input)?.add(text);
        if (isSplit || SPLITTING_OPS.has(node.opType)) this.#texts.add(input);
      }
    }
  }

  #followClasses(node: OnnxNode): void {
    const labels = stringAttribute(node, 'classlabels_strings');
    const scores = node.opType === 'ZipMap' ? node.output[0] : node.output[1];
    const numbers = intAttribute(node, 'classlabels_int64s') ?? intAttribute(node, 'classlabels_ints');
    // Classes that are numbered from 0 are named by their index anyway.
    const names = labels ?? (numbers?.every((label, i) => label === String(i)) ? undefined : numbers);
    if (names !== undefined && scores !== undefined) this.#classes.set(scores, names);
    else if (CLASSWISE_OPS.has(node.opType)) {
      const classes = node.input.flatMap((name) => this.#classes.get(name) ?? []);
      if (classes.length > 0) this.#classes.set(node.output[0] ?? '', classes);
    }
  }

  /** What a node's result holds; undefined if it holds no strings. */
  #resultOf(node: OnnxNode, read: readonly StringTensor[]): StringTensor | undefined {
    const { opType } = node;
    const known = (values: readonly string[]): StringTensor => ({ values, from: [], isSplit: false });
    const from = [...new Set(read.flatMap((tensor) => tensor.from))];
    const isSplit = SPLITTING_OPS.has(opType) || read.some((tensor) => tensor.isSplit);
    const labels = stringAttribute(node, 'classlabels_strings');
    if (labels !== undefined) return opType === 'ZipMap' ? undefined : known(labels);
    if (opType === 'LabelEncoder') {
      const values = stringAttribute(node, 'values_strings') ?? stringAttribute(node, 'values_tensor');
      const other = textAttribute(node, 'default_string') ?? stringAttribute(node, 'default_tensor')?.[0];
      return values && known([...values, other ?? DEFAULT_LABEL]);
    }
    if (opType === 'CategoryMapper') {
      const other = textAttribute(node, 'default_string') ?? DEFAULT_LABEL;
      return read.length > 0 ? undefined : known([...(stringAttribute(node, 'cats_strings') ?? []), other]);
    }
    if (opType === 'Cast') {
      const to = node.attribute.find(({ name }) => name === 'to')?.i;
      return Number(to) === STRING_TYPE ? { values: undefined, from, isSplit } : undefined;
    }
    if (read.length === 0 || NUMERIC_OPS.has(opType)) return undefined;
    const isRewritten = REWRITING_OPS.has(opType) || SPLITTING_OPS.has(opType);
    const areKnown = !isRewritten && read.every(({ values }) => values !== undefined);
    return { values: areKnown ? read.flatMap(({ values = [] }) => values) : undefined, from, isSplit };
  }
}

/** Operations that make numbers out of strings. */
const NUMERIC_OPS = new Set([
  'OneHotEncoder',
  'TfIdfVectorizer',
  'DictVectorizer',
  'Equal',
  'Shape',
  'Size',
  'RegexFullMatch',
  'StringToHashBucket',
  'StringToHashBucketFast',
  'MurmurHash3',
  'StringLength',
]);
