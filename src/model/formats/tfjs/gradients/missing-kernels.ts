import * as tf from '@tensorflow/tfjs-core';
import { CONVOLUTION_KERNELS, convolutionKernel } from './convolution-rules.ts';

/** The backend that has every kernel, in plain JavaScript. */
const COMPLETE_BACKEND = 'cpu';

/** Kernels that compute the gradient of a convolution's filter, by the operand that gives its shape as an attribute. */
const FILTER_KERNELS: readonly string[] = ['Conv2DBackpropFilter', 'DepthwiseConv2dNativeBackpropFilter'];

/** Methods that every backend has. */
interface Backend {
  readSync(dataId: object): tf.TypedArray;
  write(values: tf.TypedArray, shape: number[], dtype: tf.DataType): object;
}

type KernelParts = Parameters<tf.KernelFunc>[0];

/** Kernels of gradients that tfjs-backend-wasm 4.22 computes wrongly. */
const WRONG_ON_WASM: readonly string[] = ['Conv3DBackpropInputV2'];

/** By the backend, the kernels that it is given. */
const kernelsByBackend = new Map<string, readonly tf.KernelConfig[]>();

/** Loads what `withEveryKernel` needs. */
export async function loadEveryKernel(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
}

/**
 * Runs something on the active backend, whose missing kernels are those of plain JavaScript meanwhile. Gradients need some that models
 * do not: of depthwise convolutions, of lookups.
 *
 * @param needsFilterGradients whether the gradients of filters are computed; otherwise they are zeros, which TensorFlow.js computes for
 *   fused convolutions although nobody asked for them
 */
export function withEveryKernel<T>(needsFilterGradients: () => boolean, run: () => T): T {
  const backendName = tf.getBackend();
  const filterKernels = FILTER_KERNELS.flatMap(
    (name) => tf.getKernel(name, backendName) ?? inPlainJavaScript(name, backendName) ?? [],
  );
  const replacements = [
    ...kernelsFor(backendName),
    ...filterKernels.map((kernel) => skippable(kernel, needsFilterGradients)),
  ];
  const replaced = replacements.flatMap(({ kernelName }) => tf.getKernel(kernelName, backendName) ?? []);
  for (const { kernelName } of replaced) tf.unregisterKernel(kernelName, backendName);
  for (const config of replacements) tf.registerKernel(config);
  const restoreMemory = clearMemory();
  try {
    return run();
  } finally {
    restoreMemory();
    for (const { kernelName } of replacements) tf.unregisterKernel(kernelName, backendName);
    for (const config of replaced) tf.registerKernel(config);
  }
}

/** What WebAssembly's backend has beside the methods of all. */
interface WasmBackend {
  makeOutput(shape: number[], dtype: tf.DataType, ...rest: unknown[]): tf.TensorInfo;
  typedArrayFromHeap(info: tf.TensorInfo): tf.TypedArray;
}

/**
 * Has the backend clear the memory of results: some kernels of gradients add to what an earlier tensor left there (tfjs-backend-wasm 4.22).
 *
 * @returns undoes it
 */
function clearMemory(): () => void {
  const backend = tf.backend() as unknown as WasmBackend;
  if (!('makeOutput' in backend) || !('typedArrayFromHeap' in backend)) return () => {};
  const { makeOutput } = backend;
  backend.makeOutput = (shape, dtype, ...rest) => {
    const info = makeOutput.call(backend, shape, dtype, ...rest);
    // Further arguments say where the memory is, or what is in it.
    if (rest.length === 0 && dtype !== 'string') backend.typedArrayFromHeap(info).fill(0);
    return info;
  };
  return () => {
    backend.makeOutput = makeOutput;
  };
}

/** Kernels that a backend lacks or has wrong. */
function kernelsFor(backendName: string): readonly tf.KernelConfig[] {
  let kernels = kernelsByBackend.get(backendName);
  if (kernels === undefined) {
    const available = new Set(tf.getKernelsForBackend(backendName).map(({ kernelName }) => kernelName));
    if (backendName === 'wasm') for (const kernelName of WRONG_ON_WASM) available.delete(kernelName);
    const plain = tf
      .getKernelsForBackend(COMPLETE_BACKEND)
      .filter(({ kernelName }) => !available.has(kernelName) && !FILTER_KERNELS.includes(kernelName))
      .flatMap(({ kernelName }) => inPlainJavaScript(kernelName, backendName) ?? []);
    const known = (name: string): tf.KernelConfig | undefined =>
      plain.find(({ kernelName }) => kernelName === name) ?? tf.getKernel(name, backendName);
    const convolutions =
      backendName === 'wasm' ? CONVOLUTION_KERNELS.flatMap((name) => known(name) ?? []) : [];
    kernels = [
      ...convolutions.map(convolutionKernel),
      ...plain.filter((kernel) => !convolutions.includes(kernel)),
    ];
    kernelsByBackend.set(backendName, kernels);
  }
  return kernels;
}

/** A kernel of plain JavaScript for another backend: operands and results are copied between them. */
function inPlainJavaScript(kernelName: string, backendName: string): tf.KernelConfig | undefined {
  const plain = tf.getKernel(kernelName, COMPLETE_BACKEND);
  if (plain === undefined) return undefined;
  return {
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const complete = tf.engine().findBackend(COMPLETE_BACKEND) as unknown as Backend & {
        disposeData(dataId: object, force: boolean): boolean;
      };
      const [from, to] = [backend as unknown as Backend, complete];
      const move = (
        { dataId, shape, dtype }: tf.TensorInfo,
        source: Backend,
        target: Backend,
      ): tf.TensorInfo => {
        if (dtype === 'complex64')
          throw new Error(`kernel ${kernelName} is not registered for ${backendName}`);
        return { dataId: target.write(source.readSync(dataId), shape, dtype), shape, dtype };
      };
      const copies = Object.entries(inputs).map(
        ([name, input]) => [name, input && move(input, from, to)] as const,
      );
      const dataIds = new Set(copies.flatMap(([, copy]) => copy?.dataId ?? []));
      try {
        const parts: KernelParts = {
          // Kernels of any number of operands have a list.
          inputs: Object.assign(Array.isArray(inputs) ? [] : {}, Object.fromEntries(copies)),
          attrs: attrs ?? {},
          backend: complete as unknown as tf.KernelBackend,
        };
        const results = plain.kernelFunc(parts);
        const list = Array.isArray(results) ? results : [results];
        for (const { dataId } of list) dataIds.add(dataId);
        const moved = list.map((result) => move(result, to, from));
        return Array.isArray(results) ? moved : moved[0];
      } finally {
        for (const dataId of dataIds) complete.disposeData(dataId, true);
      }
    },
  };
}

/** A kernel that gives zeros where its result is not needed. */
function skippable(kernel: tf.KernelConfig, isNeeded: () => boolean): tf.KernelConfig {
  return {
    ...kernel,
    kernelFunc: (parts) => {
      if (isNeeded()) return kernel.kernelFunc(parts);
      const { filterShape } = parts.attrs as unknown as { readonly filterShape: number[] };
      const zeros = new Float32Array(filterShape.reduce((size, length) => size * length, 1));
      const dataId = (parts.backend as unknown as Backend).write(zeros, filterShape, 'float32');
      return { dataId, shape: filterShape, dtype: 'float32' } as tf.TensorInfo;
    },
  };
}
