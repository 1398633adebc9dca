import * as tf from '@tensorflow/tfjs-core';

/** Attributes of convolutions, and of their gradients. */
interface ConvolutionAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'same' | 'valid' | number | tf.backend_util.ExplicitPadding;
  /** Some layers have null for 1. */
  readonly dilations?: number | [number, number] | null;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

type Shape4D = [number, number, number, number];

/** Gradients of convolutions, whose dilated ones TensorFlow.js refuses. */
export const CONVOLUTION_RULES: readonly tf.GradConfig[] = [
  ruleOf('Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter'),
  ruleOf(
    'DepthwiseConv2dNative',
    'DepthwiseConv2dNativeBackpropInput',
    'DepthwiseConv2dNativeBackpropFilter',
  ),
];

/** Strides up to which zeros between the values cost less than a kernel that is not vectorized. */
const MAX_STRIDES = 4;

/** Kernels of those gradients by name, in terms of the forward ones, which are the fast ones on WebAssembly. */
export const CONVOLUTION_KERNELS: readonly string[] = [
  'Conv2DBackpropInput',
  'DepthwiseConv2dNativeBackpropInput',
];

/** @param replaced the kernel that it stands for, which large strides are left to */
export function convolutionKernel(replaced: tf.KernelConfig): tf.KernelConfig {
  return {
    ...replaced,
    kernelFunc: (parts) => {
      const { dy, filter } = parts.inputs as unknown as Readonly<Record<string, tf.Tensor4D>>;
      const { inputShape, ...settings } = parts.attrs as unknown as ConvolutionAttributes & {
        readonly inputShape: Shape4D;
      };
      const [height, width = height] = [settings.strides].flat();
      return height * width > MAX_STRIDES
        ? replaced.kernelFunc(parts)
        : convolvedBack(dy, filter, inputShape, settings, replaced.kernelName !== 'Conv2DBackpropInput');
    },
  };
}

function ruleOf(kernelName: string, inputKernel: string, filterKernel: string): tf.GradConfig {
  return {
    kernelName,
    inputsToSave: ['x', 'filter'],
    gradFunc: (upstream, [x, filter], attrs) => {
      const dy = upstream as tf.Tensor4D;
      const settings = attrs as unknown as ConvolutionAttributes;
      const isDilated = [settings.dilations ?? 1].flat().some((dilation) => dilation !== 1);
      const run = (kernel: string, inputs: tf.NamedTensorMap, more: tf.NamedAttrMap): tf.Tensor =>
        tf.engine().runKernel(kernel, inputs, { ...attrs, dilations: settings.dilations ?? 1, ...more });
      return {
        x: () =>
          isDilated
            ? convolvedBack(dy, filter as tf.Tensor4D, x.shape as Shape4D, settings, kernelName !== 'Conv2D')
            : run(inputKernel, { dy, filter }, { inputShape: x.shape }),
        filter: () => {
          if (isDilated) throw new Error('a dilated filter that is computed has no gradient');
          return run(filterKernel, { x, dy }, { filterShape: filter.shape });
        },
      };
    },
  };
}

/**
 * The gradient of a convolution's input: a convolution of the upstream gradient, zeros between its values where the stride is greater
 * than 1, with the filter turned around.
 */
function convolvedBack(
  upstream: tf.Tensor4D,
  filter: tf.Tensor4D,
  inputShape: Shape4D,
  { strides, pad, dilations, dataFormat = 'NHWC', dimRoundingMode }: ConvolutionAttributes,
  isDepthwise: boolean,
): tf.Tensor {
  return tf.tidy(() => {
    if (dataFormat === 'NCHW') {
      const [batch, channels, height, width] = inputShape;
      const last = convolvedBack(
        tf.transpose(upstream, [0, 2, 3, 1]),
        filter,
        [batch, height, width, channels],
        {
          strides,
          pad,
          dilations: dilations ?? 1,
          ...(dimRoundingMode === undefined ? {} : { dimRoundingMode }),
        },
        isDepthwise,
      );
      return tf.transpose(last, [0, 3, 1, 2]);
    }
    const { padInfo, strideHeight, strideWidth, dilationHeight, dilationWidth } =
      tf.backend_util.computeConv2DInfo(
        inputShape,
        filter.shape,
        strides,
        dilations ?? 1,
        pad,
        dimRoundingMode,
        isDepthwise,
      );
    const [reachHeight, reachWidth] = [
      dilationHeight * (filter.shape[0] - 1),
      dilationWidth * (filter.shape[1] - 1),
    ];
    const rows = spread(upstream, 1, strideHeight, reachHeight - padInfo.top, inputShape[1] + reachHeight);
    const dy = spread(rows, 2, strideWidth, reachWidth - padInfo.left, inputShape[2] + reachWidth);
    const turned = tf.reverse(filter, [0, 1]);
    const rate: [number, number] = [dilationHeight, dilationWidth];
    if (!isDepthwise) return tf.conv2d(dy, tf.transpose(turned, [0, 1, 3, 2]), 1, 'valid', 'NHWC', rate);
    const [height, width, channels, multiplier] = filter.shape;
    const [batch, dyHeight, dyWidth] = dy.shape;
    const parts = Array.from({ length: multiplier }, (_, i) => {
      const ofMultiplier = tf.slice(tf.reshape(dy, [-1, channels, multiplier]), [0, 0, i], [-1, -1, 1]);
      return tf.depthwiseConv2d(
        tf.reshape(ofMultiplier, [batch, dyHeight, dyWidth, channels]) as tf.Tensor4D,
        tf.slice(turned, [0, 0, 0, i], [height, width, channels, 1]),
        1,
        'valid',
        'NHWC',
        rate,
      );
    });
    return parts.length === 1 ? parts[0] : tf.addN(parts);
  });
}

/** Puts zeros behind each value of an axis, and before and behind all of them; what lies outside of the new length is cut off. */
function spread(x: tf.Tensor4D, axis: number, stride: number, before: number, length: number): tf.Tensor4D {
  const { shape } = x;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const count = shape[axis] * stride;
  const outer = x.size / (shape[axis] * inner);
  const after = length - before - count;
  let values: tf.Tensor3D = tf.reshape(x, [outer * shape[axis], 1, inner]);
  if (stride > 1)
    values = tf.pad(values, [
      [0, 0],
      [0, stride - 1],
      [0, 0],
    ]);
  values = tf.reshape(values, [outer, count, inner]);
  if (before > 0 || after > 0)
    values = tf.pad(values, [
      [0, 0],
      [Math.max(0, before), Math.max(0, after)],
      [0, 0],
    ]);
  if (before < 0 || after < 0)
    values = tf.slice(values, [0, Math.max(0, -before), 0], [outer, length, inner]);
  return tf.reshape(values, shape.with(axis, length) as Shape4D);
}
