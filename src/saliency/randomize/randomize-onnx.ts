import { basename } from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readUnpacked } from '../../model/formats/confined-path.ts';
import { encodeModel } from '../../model/formats/onnx/control-flow/encode-model.ts';
import { decodeOnnx } from '../../model/formats/onnx/decode-model.ts';
import {
  inlineExternalData,
  MAX_ONNX_BYTES,
} from '../../model/formats/onnx/external-data/inline-external-data.ts';
import type { OnnxTensor } from '../../model/formats/onnx/proto.ts';
import { dtypeOf, tensorOf } from '../../model/formats/onnx/tensor.ts';
import type { ModelFiles } from '../../model/quantize/kind.ts';
import { bytesOf } from '../../tensor/tensor.ts';
import { canDraw, drawWeights, type WeightDraws, weightStream } from './draw-weights.ts';

/**
 * A copy of an ONNX file in which some constants, initializers or values of Constant nodes, are drawn again.
 *
 * @throws UserError where the file cannot be read, or lacks one of the constants
 */
export async function randomizeOnnx(
  path: string,
  constants: readonly string[],
  draws: WeightDraws,
): Promise<ModelFiles> {
  const original = await readUnpacked(path, MAX_ONNX_BYTES);
  const { bytes } = await inlineExternalData(original, path, { keepsLarge: false });
  const model = decodeOnnx(bytes, path);
  const tensors = new Map<string, OnnxTensor>();
  for (const node of model.graph?.node ?? []) {
    const value = node.opType === 'Constant' ? node.attribute.find(({ name }) => name === 'value')?.t : null;
    if (value) tensors.set(node.output[0], value);
  }
  for (const tensor of model.graph?.initializer ?? []) tensors.set(tensor.name, tensor);
  for (const name of constants) {
    const tensor = tensors.get(name);
    const type = tensor && dtypeOf(tensor.dataType);
    if (tensor === undefined || type === undefined || !canDraw(type))
      throw new UserError(
        `${path}: the weights ${name} cannot be replaced: leave their layer out by --layers`,
      );
    const { data } = drawWeights(tensorOf(tensor, name), draws.kind, weightStream(draws, name));
    const cleared = { floatData: [], doubleData: [], int32Data: [], int64Data: [], uint64Data: [] };
    Object.assign(tensor, cleared, { rawData: bytesOf(data) });
  }
  return new Map([
    [`${basename(path).replace(/(\.onnx)?(\.gz)?$/i, '')}-randomised.onnx`, encodeModel(model)],
  ]);
}
