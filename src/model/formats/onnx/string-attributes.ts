import type { OnnxAttribute, OnnxNode, OnnxTensor } from './proto.ts';
import { STRING_TYPE } from './tensor.ts';

/** The values of a tensor of strings; undefined for a tensor of numbers, or one whose values lie in another file. */
export function stringsOf(tensor: OnnxTensor | null | undefined): readonly string[] | undefined {
  return tensor?.dataType === STRING_TYPE ? tensor.stringData.map(decode) : undefined;
}

/** An attribute that is a list or a tensor of strings; undefined if the node has none of that name. */
export function stringAttribute(node: OnnxNode, name: string): readonly string[] | undefined {
  const attribute = node.attribute.find((candidate) => candidate.name === name);
  return attribute === undefined ? undefined : listOf(attribute);
}

/** The names and values of a node's attributes that are lists or tensors of strings and not empty. */
export function stringAttributes(
  node: OnnxNode,
): readonly (readonly [name: string, values: readonly string[]])[] {
  return node.attribute.flatMap((attribute) => {
    const values = listOf(attribute);
    return values === undefined || values.length === 0 ? [] : [[attribute.name, values] as const];
  });
}

/** An attribute that is a list of integers, in decimal; undefined if the node has none of that name. */
export function intAttribute(node: OnnxNode, name: string): readonly string[] | undefined {
  return node.attribute.find((candidate) => candidate.name === name)?.ints.map(String);
}

/** An attribute that is one string; undefined if the node has none of that name. */
export function textAttribute(node: OnnxNode, name: string): string | undefined {
  const attribute = node.attribute.find((candidate) => candidate.name === name);
  return attribute === undefined ? undefined : decode(attribute.s);
}

function listOf({ strings, t }: OnnxAttribute): readonly string[] | undefined {
  return strings.length > 0 ? strings.map(decode) : stringsOf(t);
}

function decode(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}
