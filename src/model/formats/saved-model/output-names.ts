/**
 * Names of the outputs of operations that have several, in order (TensorFlow's op registry). Other operations have one
 * output or one list of outputs.
 */
const OUTPUT_NAMES: Readonly<Record<string, readonly string[]>> = {
  FusedBatchNorm: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV2: ['y', 'batch_mean', 'batch_variance', 'reserve_space_1', 'reserve_space_2'],
  FusedBatchNormV3: [
    'y',
    'batch_mean',
    'batch_variance',
    'reserve_space_1',
    'reserve_space_2',
    'reserve_space_3',
  ],
  TopK: ['values', 'indices'],
  TopKV2: ['values', 'indices'],
  Unique: ['y', 'idx'],
  UniqueV2: ['y', 'idx'],
  UniqueWithCounts: ['y', 'idx', 'count'],
  Switch: ['output_false', 'output_true'],
  Merge: ['output', 'value_index'],
  ListDiff: ['out', 'idx'],
  MaxPoolWithArgmax: ['output', 'argmax'],
  NonMaxSuppressionV4: ['selected_indices', 'valid_outputs'],
  NonMaxSuppressionV5: ['selected_indices', 'selected_scores', 'valid_outputs'],
  TensorListPopBack: ['output_handle', 'tensor'],
  SparseSoftmaxCrossEntropyWithLogits: ['loss', 'backprop'],
  SoftmaxCrossEntropyWithLogits: ['loss', 'backprop'],
};

/**
 * Index of an operation's output.
 *
 * @param output name of the output in the operation's definition
 * @param index within that output, if it is a list
 * @returns undefined if the operation has no such output
 */
export function outputIndexOf(op: string, output: string | undefined, index: number): number | undefined {
  const names = OUTPUT_NAMES[op];
  if (names === undefined) return index;
  const first = names.indexOf(output ?? '');
  return first < 0 ? undefined : first + index;
}
