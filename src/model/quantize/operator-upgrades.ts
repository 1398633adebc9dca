import type { DType, TensorData } from '../../tensor/tensor.ts';
import { ATTRIBUTE_TYPE, longToNumber, type OnnxAttribute, type OnnxNode } from '../formats/onnx/proto.ts';

/** What the upgrade of a node may use beside it. */
export interface UpgradeContext {
  /** Adds a constant to the main graph. @returns its name */
  addConstant(wanted: string, type: DType, dims: readonly number[], data: TensorData): string;
  /** A tensor name that the model does not have. */
  freshName(wanted: string): string;
  /** Type of a tensor; undefined where it is not known. */
  typeOf(tensor: string): DType | undefined;
  /** Number of dimensions of a tensor; undefined where it is not known. */
  rankOf(tensor: string): number | undefined;
}

/** The nodes that compute the same in version 13, or why there are none, as a clause for messages. */
export type UpgradedNodes = readonly OnnxNode[] | string;

/** How an operation is rewritten for version 13. */
export interface OperatorUpgrade {
  /** Version of the operators that changed it: nodes of older ones are rewritten. */
  readonly version: number;
  upgrade(node: OnnxNode, context: UpgradeContext): UpgradedNodes;
}

const attributeOf = ({ attribute }: OnnxNode, name: string): OnnxAttribute | undefined =>
  attribute.find((candidate) => candidate.name === name);

const intsOf = (node: OnnxNode, name: string): readonly number[] | undefined =>
  attributeOf(node, name)?.ints.map(longToNumber);

const intOf = (node: OnnxNode, name: string): number | undefined => {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? undefined : longToNumber(attribute.i);
};

const textOf = (node: OnnxNode, name: string): string | undefined => {
  const attribute = attributeOf(node, name);
  return attribute === undefined ? undefined : Buffer.from(attribute.s).toString();
};

const without = (node: OnnxNode, ...names: readonly string[]): readonly OnnxAttribute[] =>
  node.attribute.filter(({ name }) => !names.includes(name));

/** An attribute of one integer or one string, as protobufjs encodes it. */
const makeAttribute = (name: string, value: number | string): OnnxAttribute =>
  ({
    name,
    ...(typeof value === 'number'
      ? { type: ATTRIBUTE_TYPE.int, i: value }
      : { type: ATTRIBUTE_TYPE.string, s: Buffer.from(value) }),
  }) as OnnxAttribute;

function addInts(
  node: OnnxNode,
  name: string,
  values: readonly number[] | undefined,
  { addConstant }: UpgradeContext,
): string {
  if (values === undefined) return '';
  return addConstant(
    `${node.output[0]}_${name}`,
    'int64',
    [values.length],
    BigInt64Array.from(values, BigInt),
  );
}

/** A list attribute becomes the input behind the first one. */
function attributeToInput(name: string): OperatorUpgrade['upgrade'] {
  return (node, context) => {
    const values = intsOf(node, name);
    const input = [
      ...node.input.slice(0, 1),
      ...(values === undefined ? [] : [addInts(node, name, values, context)]),
    ];
    return [{ ...node, input, attribute: without(node, name) }];
  };
}

/** A scalar constant of the type of a node's first input, single or double precision. */
function addScalar(
  node: OnnxNode,
  name: string,
  value: number,
  { addConstant, typeOf }: UpgradeContext,
): string {
  const isDouble = typeOf(node.input[0]) === 'float64';
  return isDouble
    ? addConstant(`${node.output[0]}_${name}`, 'float64', [], Float64Array.of(value))
    : addConstant(`${node.output[0]}_${name}`, 'float32', [], Float32Array.of(value));
}

const HALF_REASON = 'works on half precision, for which its bounds are not converted';

function upgradeClip(node: OnnxNode, context: UpgradeContext): UpgradedNodes {
  if (context.typeOf(node.input[0]) === 'float16') return HALF_REASON;
  const bound = (name: string): string => {
    const value = attributeOf(node, name)?.f;
    return value === undefined ? '' : addScalar(node, name, value, context);
  };
  return [
    { ...node, input: [node.input[0], bound('min'), bound('max')], attribute: without(node, 'min', 'max') },
  ];
}

function upgradePad(node: OnnxNode, context: UpgradeContext): UpgradedNodes {
  if (context.typeOf(node.input[0]) === 'float16') return HALF_REASON;
  const pads = addInts(node, 'pads', intsOf(node, 'pads') ?? [], context);
  const value = addScalar(node, 'value', attributeOf(node, 'value')?.f ?? 0, context);
  return [{ ...node, input: [node.input[0], pads, value], attribute: without(node, 'pads', 'value') }];
}

function upgradeSlice(node: OnnxNode, context: UpgradeContext): UpgradedNodes {
  const parts = ['starts', 'ends', 'axes'].map((name) => addInts(node, name, intsOf(node, name), context));
  return [{ ...node, input: [node.input[0], ...parts], attribute: without(node, 'starts', 'ends', 'axes') }];
}

function upgradeTopK(node: OnnxNode, context: UpgradeContext): UpgradedNodes {
  const k = addInts(node, 'k', [intOf(node, 'k') ?? 0], context);
  return [{ ...node, input: [node.input[0], k], attribute: without(node, 'k') }];
}

/** Without a mask, Dropout passes its input on when a model is not trained. */
function upgradeDropout(node: OnnxNode): UpgradedNodes {
  if (node.output[1]) return 'gives its mask, whose type has changed';
  return [{ ...node, input: node.input.slice(0, 1), attribute: [] }];
}

function upgradeBatchNormalization(node: OnnxNode): UpgradedNodes {
  if (intOf(node, 'spatial') === 0) return 'has spatial=0, which later versions do not have';
  return [{ ...node, attribute: without(node, 'spatial') }];
}

/**
 * Softmax and its kin: until version 12 over all axes from `axis` on, taken as one; from 13 on over that axis alone. Both
 * are the same for the last axis.
 */
function upgradeSoftmax(node: OnnxNode, { rankOf, freshName }: UpgradeContext): UpgradedNodes {
  const [input] = node.input;
  const [output] = node.output;
  const axis = intOf(node, 'axis') ?? 1;
  const alone = [...without(node, 'axis'), makeAttribute('axis', -1)];
  if (axis === -1 || rankOf(input) === axis + 1) return [{ ...node, attribute: alone }];
  const [shape, flat, result] = ['shape', 'flat', 'result'].map((part) => freshName(`${output}_${part}`));
  const helper = (
    opType: string,
    inputs: string[],
    result: string,
    attribute: OnnxAttribute[],
  ): OnnxNode => ({
    opType,
    name: `neurofuzz/upgrade/${result}`,
    domain: '',
    input: inputs,
    output: [result],
    attribute,
  });
  return [
    helper('Shape', [input], shape, []),
    helper('Flatten', [input], flat, [makeAttribute('axis', axis)]),
    { ...node, input: [flat], output: [result], attribute: alone },
    helper('Reshape', [result, shape], output, []),
  ];
}

/** Upsample, and Resize of version 10: positions are scaled as they are, and the nearest value is the one before. */
function resizeBy(node: OnnxNode, scales: string): OnnxNode {
  return {
    ...node,
    opType: 'Resize',
    input: [node.input[0], '', scales],
    attribute: [
      makeAttribute('mode', textOf(node, 'mode') ?? 'nearest'),
      makeAttribute('coordinate_transformation_mode', 'asymmetric'),
      makeAttribute('nearest_mode', 'floor'),
    ],
  };
}

function upgradeUpsample(node: OnnxNode, { addConstant }: UpgradeContext): UpgradedNodes {
  const scales = attributeOf(node, 'scales')?.floats;
  if (scales === undefined) return [resizeBy(node, node.input[1] ?? '')];
  const name = `${node.output[0]}_scales`;
  return [resizeBy(node, addConstant(name, 'float32', [scales.length], Float32Array.from(scales)))];
}

function refuse(reason: string): OperatorUpgrade['upgrade'] {
  return () => reason;
}

/**
 * Operations whose form or meaning changed from version 7 to 13 of the ONNX operators
 * (https://github.com/onnx/onnx/blob/main/docs/Changelog.md); later versions of all others take what earlier ones did.
 */
export const OPERATOR_UPGRADES: Readonly<Record<string, OperatorUpgrade>> = {
  BatchNormalization: { version: 9, upgrade: upgradeBatchNormalization },
  Clip: { version: 11, upgrade: upgradeClip },
  Dropout: { version: 12, upgrade: upgradeDropout },
  Hardmax: { version: 13, upgrade: upgradeSoftmax },
  LogSoftmax: { version: 13, upgrade: upgradeSoftmax },
  Pad: { version: 11, upgrade: upgradePad },
  ReduceSum: { version: 13, upgrade: attributeToInput('axes') },
  Resize: { version: 11, upgrade: (node) => [resizeBy(node, node.input[1] ?? '')] },
  Scan: { version: 9, upgrade: refuse('takes sequences in another form') },
  Scatter: { version: 11, upgrade: (node) => [{ ...node, opType: 'ScatterElements' }] },
  Slice: { version: 10, upgrade: upgradeSlice },
  Softmax: { version: 13, upgrade: upgradeSoftmax },
  Split: { version: 13, upgrade: attributeToInput('split') },
  Squeeze: { version: 13, upgrade: attributeToInput('axes') },
  TopK: { version: 10, upgrade: upgradeTopK },
  Unsqueeze: { version: 13, upgrade: attributeToInput('axes') },
  Upsample: { version: 10, upgrade: upgradeUpsample },
  ...Object.fromEntries(
    [
      'ATen',
      'Affine',
      'Crop',
      'DynamicSlice',
      'ImageScaler',
      'ParametricSoftplus',
      'Scale',
      'ScaledTanh',
    ].map((op) => [
      op,
      { version: 10, upgrade: refuse('was an experiment that later versions do not have') },
    ]),
  ),
};
