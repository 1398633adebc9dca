/**
 * What the values of one column of a table may be, beside its interval: any number, whole numbers, some
 * values, or what the ancestor has.
 */
export type Column =
  | { readonly kind: 'range' }
  | { readonly kind: 'integer' }
  | { readonly kind: 'category'; readonly values: readonly number[] }
  | { readonly kind: 'fixed' };

/** The column that a position of a row lies in: columns are the last dimension. */
export function columnAt(columns: readonly Column[], position: number): Column {
  return columns[position % columns.length];
}
