import type { ModelFormat, Runtime, RuntimeKind } from './model.ts';

const FORMAT_NAMES: Readonly<Record<ModelFormat, string>> = {
  onnx: 'ONNX',
  'tfjs-graph': 'TensorFlow.js graph model',
  'tfjs-layers': 'TensorFlow.js layers model',
  'saved-model': 'TensorFlow SavedModel',
};

const RUNTIME_NAMES: Readonly<Record<RuntimeKind, string>> = {
  onnx: 'ONNX Runtime',
  tensorflow: 'native TensorFlow',
  wasm: 'TensorFlow.js WebAssembly',
  cpu: 'TensorFlow.js JavaScript',
};

/** A model and its runtime for people: `digits.onnx (ONNX), runtime: ONNX Runtime 1.30.0 on CPU`. */
export function modelText(
  name: string,
  { format, runtime }: { readonly format: ModelFormat; readonly runtime: Omit<Runtime, 'threads'> },
): string {
  return `${name} (${FORMAT_NAMES[format]}), runtime: ${runtimeText(runtime)}`;
}

/** A runtime for people, with the reasons for it where there is a choice: `TensorFlow.js WebAssembly 4.22.0 on CPU (…)`. */
export function runtimeText({ kind, version, device, why }: Omit<Runtime, 'threads'>): string {
  const number = version.split(' ').at(-1) ?? version;
  const reasons = why.split('; ');
  // A format with one runtime leaves no choice: its first reason is the format.
  const notes = (kind === 'onnx' ? reasons.slice(1) : reasons).join('; ');
  return `${RUNTIME_NAMES[kind]} ${number} on ${device}${notes === '' ? '' : ` (${notes})`}`;
}
