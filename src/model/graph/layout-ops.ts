/** Operations that give the values of their input in the same order, in another shape at most. */
export const LAYOUT_OPS = [
  'Identity',
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'ExpandDims',
  'Dropout',
] as const;
