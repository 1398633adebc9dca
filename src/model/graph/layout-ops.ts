/** Operations that keep their input's values and order, and change at most its shape. */
export const LAYOUT_OPS = [
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'ExpandDims',
  'Dropout',
] as const;
