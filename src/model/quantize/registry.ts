import { Registry } from '../../extensions/registry.ts';
import type { QuantizerKind } from './quantizer.ts';

// Each loads the code of its formats when it is used: the names are needed wherever flags are listed.

const roundingTo = (name: 'float16' | 'bfloat16', help: string): QuantizerKind => ({
  name,
  help,
  parameters: [],
  make: () => ({
    async quantizeOnnx({ bytes, path, half }) {
      const { quantizeOnnxToHalf } = await import('./quantize-onnx-to-half.ts');
      return quantizeOnnxToHalf(bytes, path, name, half);
    },
    quantizeTfjs: async (path) => (await import('./quantize-tfjs.ts')).quantizeTfjs(path, name),
  }),
});

const int8: QuantizerKind = {
  name: 'int8',
  help: 'whole numbers of 8 bits, for ONNX calibrated on the seeds',
  parameters: [],
  calibratesOnnx: true,
  make: () => ({
    async quantizeOnnx({ bytes, path }, calibrate) {
      const { tensorsToCalibrate } = await import('./int8-plan.ts');
      const { quantizeOnnxToInt8 } = await import('./quantize-onnx-to-int8.ts');
      const ranges = await calibrate(tensorsToCalibrate(bytes, path));
      return quantizeOnnxToInt8(bytes, path, ranges);
    },
    quantizeTfjs: async (path) => (await import('./quantize-tfjs.ts')).quantizeTfjs(path, 'int8'),
  }),
};

/** The quantizers, and how `--quantize` and `quantize --to` are resolved. */
export const QUANTIZERS = new Registry<QuantizerKind>({
  flag: '--quantize',
  noun: 'quantizer',
  kinds: [
    roundingTo('float16', 'rounded to half precision'),
    roundingTo('bfloat16', 'rounded to the upper 16 bits of single precision'),
    int8,
  ],
});
