import type { DType } from '../../../tensor/tensor.ts';
import type { AttributeValue } from '../../graph/graph.ts';
import { ATTRIBUTE_TYPE, longToNumber, type OnnxAttribute, type OnnxNode } from './proto.ts';
import { dtypeOf } from './tensor.ts';

/** A node's attributes of numbers and text, the functions of a recurrent layer with commas between; of a tensor, as ConstantOfShape has one, its type. */
export function attributesOf({ attribute }: OnnxNode): Record<string, AttributeValue> {
  return Object.fromEntries(
    attribute.flatMap((attribute): [string, AttributeValue][] => {
      const value = attributeValue(attribute);
      return value === undefined ? [] : [[attribute.name, value]];
    }),
  );
}

function attributeValue({
  name,
  type,
  f,
  i,
  s,
  t,
  floats,
  ints,
  strings,
}: OnnxAttribute): AttributeValue | undefined {
  switch (type) {
    case ATTRIBUTE_TYPE.float:
      return f;
    case ATTRIBUTE_TYPE.int:
      return longToNumber(i);
    case ATTRIBUTE_TYPE.string:
      return Buffer.from(s).toString();
    case ATTRIBUTE_TYPE.floats:
      return [...floats];
    case ATTRIBUTE_TYPE.ints:
      return ints.map(longToNumber);
    case ATTRIBUTE_TYPE.strings:
      // Of a recurrent layer, its functions; other lists are tables.
      return name === 'activations' ? strings.map((each) => Buffer.from(each).toString()).join() : undefined;
    case ATTRIBUTE_TYPE.tensor:
      return dtypeOf(t?.dataType ?? 0);
    default:
      return undefined;
  }
}

/** The value of a Constant node that is written as a number or a list of numbers; undefined for other forms. */
export function plainConstant({
  attribute,
}: OnnxNode): { readonly type: DType; readonly dims: number[]; readonly values: number[] } | undefined {
  for (const { name, f, i, floats, ints } of attribute) {
    if (name === 'value_float') return { type: 'float32', dims: [], values: [f] };
    if (name === 'value_int') return { type: 'int64', dims: [], values: [longToNumber(i)] };
    if (name === 'value_floats') return { type: 'float32', dims: [floats.length], values: [...floats] };
    if (name === 'value_ints') return { type: 'int64', dims: [ints.length], values: ints.map(longToNumber) };
  }
  return undefined;
}
