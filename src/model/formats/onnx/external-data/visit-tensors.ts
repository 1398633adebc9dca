import protobuf from 'protobufjs';
import { ModelProto, type OnnxTensor, TensorProto } from '../proto.ts';

/** A field that holds tensors, at any depth. */
interface TensorField {
  readonly name: string;
  readonly isRepeated: boolean;
  readonly type: protobuf.Type;
}

/** For each message type that a tensor can stand in, how many messages lie between: 0 for a tensor itself. */
const DEPTHS = tensorDepths();

/** The fields of a message type that hold tensors; those that hold them most directly first. */
const FIELDS = new Map([...DEPTHS.keys()].map((type) => [type, tensorFields(type)]));

/** Whether a message of this type may hold a tensor, or is one. */
export function mayHoldTensors(type: protobuf.ReflectionObject | null): type is protobuf.Type {
  return type instanceof protobuf.Type && DEPTHS.has(type);
}

/** Visits each tensor of a decoded ONNX file, wherever the schema lets one stand. */
export function visitTensors(model: object, visit: (tensor: OnnxTensor) => void): void {
  visitMessage(model as Message, ModelProto, visit);
}

interface Message {
  readonly [field: string]: Message | readonly Message[] | null | undefined;
}

function visitMessage(message: Message, type: protobuf.Type, visit: (tensor: OnnxTensor) => void): void {
  if (type === TensorProto) {
    // The schema of the codec vouches for the fields.
    visit(message as unknown as OnnxTensor);
    return;
  }
  for (const field of FIELDS.get(type) ?? []) {
    const value = message[field.name];
    if (value === null || value === undefined) continue;
    const parts = field.isRepeated ? (value as readonly Message[]) : [value as Message];
    for (const part of parts) visitMessage(part, field.type, visit);
  }
}

function messageTypes(): protobuf.Type[] {
  const types: protobuf.Type[] = [];
  const collect = (parent: protobuf.NamespaceBase): void => {
    for (const inner of parent.nestedArray) {
      if (inner instanceof protobuf.Type) types.push(inner);
      if (inner instanceof protobuf.Namespace) collect(inner);
    }
  };
  collect(ModelProto.root);
  return types;
}

function typeOf(field: protobuf.Field): protobuf.Type | undefined {
  const { resolvedType } = field.resolve();
  return resolvedType instanceof protobuf.Type ? resolvedType : undefined;
}

function tensorDepths(): Map<protobuf.Type, number> {
  const depths = new Map([[TensorProto, 0]]);
  const types = messageTypes();
  for (let depth = 1, last = 0; depths.size > last; depth++) {
    last = depths.size;
    const holders = types.filter(
      (type) =>
        !depths.has(type) &&
        type.fieldsArray.some((field) => {
          const inner = typeOf(field);
          return inner !== undefined && depths.has(inner);
        }),
    );
    for (const type of holders) depths.set(type, depth);
  }
  return depths;
}

function tensorFields(type: protobuf.Type): TensorField[] {
  const depthOf = (field: TensorField): number => DEPTHS.get(field.type) ?? 0;
  return type.fieldsArray
    .flatMap((field): TensorField[] => {
      const inner = typeOf(field);
      return inner === undefined || !DEPTHS.has(inner)
        ? []
        : [{ name: field.name, isRepeated: field.repeated, type: inner }];
    })
    .sort((a, b) => depthOf(a) - depthOf(b));
}
