import { ATTRIBUTE_TYPE, longToNumber, type OnnxAttribute, type OnnxNode } from '../proto.ts';

type AttributeHolder = Pick<OnnxNode, 'attribute'>;

function attributeOf({ attribute }: AttributeHolder, name: string): OnnxAttribute | undefined {
  return attribute.find((candidate) => candidate.name === name);
}

export function integerAttribute(node: AttributeHolder, name: string, fallback: number): number {
  const found = attributeOf(node, name);
  return found === undefined ? fallback : longToNumber(found.i);
}

export function floatAttribute(node: AttributeHolder, name: string, fallback: number): number {
  return attributeOf(node, name)?.f ?? fallback;
}

export function integersAttribute(node: AttributeHolder, name: string): number[] | undefined {
  const found = attributeOf(node, name);
  return found === undefined ? undefined : found.ints.map(longToNumber);
}

export function stringAttribute(node: AttributeHolder, name: string): string | undefined {
  const found = attributeOf(node, name);
  return found?.type === ATTRIBUTE_TYPE.string ? Buffer.from(found.s).toString() : undefined;
}
