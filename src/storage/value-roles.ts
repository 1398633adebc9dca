import { UserError } from '../core/errors.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';
import { decodeNpz, encodeNpz } from '../tensor/npz.ts';

/** Whether the fault of a finding depends on a value, as value-roles.npz holds it. */
export const VALUE_ROLES = {
  /** The fault is lost when the value is drawn at random. */
  needed: 0,
  /** The fault stays whatever the value is. */
  free: 1,
  /** It was not told: the value cannot be drawn, or the runs did not suffice. */
  unknown: 2,
} as const;

/** Of each input, the role of each value. */
export type ValueRoles = readonly Uint8Array[];

/** Encodes roles as .npz: for each input a uint8 array of its shape. */
export function encodeValueRoles({ form }: Pick<TestcaseBatch, 'form'>, roles: ValueRoles): Uint8Array {
  return encodeNpz(form.inputs.map(({ name, shape }, i) => [name, { type: 'uint8', shape, data: roles[i] }]));
}

/**
 * Decodes what `encodeValueRoles` wrote.
 *
 * @param source path of the file, for error messages
 * @throws UserError if the file is damaged or of another testcase
 */
export function decodeValueRoles(
  { form }: Pick<TestcaseBatch, 'form'>,
  bytes: Uint8Array,
  source: string,
): ValueRoles {
  const arrays = new Map(decodeNpz(bytes, source));
  return form.inputs.map(({ name, size }) => {
    const data = arrays.get(name)?.data;
    if (data instanceof Uint8Array && data.length === size) return data;
    throw new UserError(`${source} is damaged: it does not fit the testcase`);
  });
}
