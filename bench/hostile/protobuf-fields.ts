import type protobuf from 'protobufjs';
import type { Random } from '../../src/core/random.ts';

/** A decoded message: fields by name. */
type Message = Record<string, unknown>;

/** A field of a message somewhere in a tree of messages. */
interface Place {
  readonly message: Message;
  readonly field: protobuf.Field;
}

/**
 * Decodes a message, changes one to three of its fields at random, wherever they lie, and encodes it again.
 *
 * @param type codec of the whole message
 */
export function changedFields(type: protobuf.Type, bytes: Uint8Array, random: Random): Uint8Array {
  const root = type.decode(bytes) as unknown as Message;
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const places = placesOf(root, type);
    changeField(places[random.below(places.length)], places, random);
  }
  return type.encode(root).finish();
}

/** All fields of a message and of those within it; of long lists of messages the first ones and the last. */
function placesOf(message: Message, type: protobuf.Type): Place[] {
  const places: Place[] = [];
  for (const field of type.fieldsArray) {
    const value = message[field.name];
    places.push({ message, field });
    const inner = field.resolve().resolvedType;
    if (inner === null || !('fieldsArray' in inner)) continue;
    const values = Array.isArray(value) ? value : value === null || value === undefined ? [] : [value];
    for (const one of values) places.push(...placesOf(one as Message, inner));
  }
  return places;
}

const NUMBERS = [0, 1, -1, 2, 7, 16, 255, 2 ** 31 - 1, -(2 ** 31)];
const TEXTS = [
  '',
  '\u0000',
  '../../etc/passwd',
  '\u001b[2J\u202e',
  '__proto__',
  'a'.repeat(65_536),
  'Identity',
];

function changeField({ message, field }: Place, places: readonly Place[], random: Random): void {
  const value = message[field.name];
  if (field.repeated) {
    message[field.name] = changedList((value as unknown[] | undefined) ?? [], field, places, random);
  } else if (random.below(4) === 0) delete message[field.name];
  else message[field.name] = changedValue(value, field, places, random);
}

function changedList(
  list: readonly unknown[],
  field: protobuf.Field,
  places: readonly Place[],
  random: Random,
): unknown[] {
  const changed = [...list];
  const at = random.below(list.length + 1);
  const kind = random.below(5);
  if (kind === 0 && list.length > 0) changed.splice(at, 1);
  else if (kind === 1 && list.length > 0) changed.splice(at, 0, list[random.below(list.length)]);
  else if (kind === 2) changed.length = random.below(list.length + 1);
  else if (kind === 3 && list.length > 0) changed.reverse();
  else if (list.length > 0) {
    const i = random.below(list.length);
    changed[i] = changedValue(list[i], field, places, random);
  } else changed.push(changedValue(undefined, field, places, random));
  return changed;
}

/** Another value of a field: one of its kind that stands elsewhere in the tree, or one at an end of what its type holds. */
function changedValue(
  value: unknown,
  field: protobuf.Field,
  places: readonly Place[],
  random: Random,
): unknown {
  const others = places.filter((place) => place.field.type === field.type && !place.field.repeated);
  const other = others.length > 0 ? others[random.below(others.length)] : undefined;
  const { resolvedType } = field.resolve();
  if (resolvedType !== null && 'fieldsArray' in resolvedType)
    return random.below(2) === 0 ? {} : (copyOf(other?.message[field.name]) ?? value ?? {});
  if (other !== undefined && random.below(3) === 0) return other.message[other.field.name] ?? value;
  if (field.type === 'string') return TEXTS[random.below(TEXTS.length)];
  if (field.type === 'bytes') {
    const bytes = value instanceof Uint8Array ? value : new Uint8Array(0);
    return random.below(2) === 0
      ? bytes.slice(0, random.below(bytes.length + 1))
      : new Uint8Array(random.below(1024));
  }
  if (field.type === 'float' || field.type === 'double')
    return [0, -1, 1e38, Number.NaN, Number.POSITIVE_INFINITY, 1e-45][random.below(6)];
  return NUMBERS[random.below(NUMBERS.length)];
}

/** A copy, without which a message could come to lie within itself. */
function copyOf(value: unknown): unknown {
  return value === undefined || value === null ? undefined : structuredClone(toPlain(value));
}

function toPlain(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(toPlain);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toPlain(inner)]));
}
