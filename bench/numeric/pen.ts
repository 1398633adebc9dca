import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { type DType, makeData, numberToHalf, type TensorData } from '../../src/tensor/tensor.ts';

/** Adds tensors and the operations between them to a graph. */
export class Pen {
  readonly graph = new OnnxBuilder();
  #constants = 0;

  constant(values: number | readonly number[], type: DType = 'float32'): string {
    const list = [values].flat() as number[];
    const data = makeData(type, list.length) as TensorData;
    list.forEach((value, i) => {
      data[i] = type === 'int64' ? BigInt(value) : type === 'float16' ? numberToHalf(value) : value;
    });
    const dims = typeof values === 'number' ? [] : [list.length];
    return this.graph.constant(`constant_${this.#constants++}`, type, dims, data);
  }

  op(
    op: string,
    inputs: readonly string[],
    name: string,
    attributes: Parameters<OnnxBuilder['node']>[3] = {},
  ): string {
    return this.graph.node(op, inputs, name, attributes);
  }

  clipped(tensor: string, low: number, high: number): string {
    return this.op('Clip', [tensor, this.constant(low), this.constant(high)], 'clipped');
  }

  cast(tensor: string, type: DType, name: string): string {
    return this.op('Cast', [tensor], name, { to: TYPE_NUMBERS[type] ?? 1 });
  }
}

const TYPE_NUMBERS: Partial<Record<DType, number>> = { float32: 1, int32: 6, int64: 7, float16: 10 };
