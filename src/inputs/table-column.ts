/**
 * Values that a table column may contain, within its interval: any number, integers, a set of categories, or only the
 * ancestor's value.
 */
export type Column =
  | { readonly kind: 'range' }
  | { readonly kind: 'integer' }
  | { readonly kind: 'category'; readonly values: readonly number[] }
  | { readonly kind: 'fixed' };

/** Column of a position in a row; columns are the last dimension. */
export function columnAt(columns: readonly Column[], position: number): Column {
  return columns[position % columns.length];
}
