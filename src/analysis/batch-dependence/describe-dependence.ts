import { escapeControl } from '../../core/escape-control.ts';
import type { AnswerDependence } from './batch-dependence.ts';

/** How answers depend on the rest of the batch, as plain data. */
export interface BatchDependence extends AnswerDependence {
  /** The first operation that mixes testcases; null where that was not found. */
  readonly operation: { readonly name: string; readonly op: string } | null;
}

/** Whether a value of a campaign's folder, which may be damaged, is one. */
export function isBatchDependence(value: unknown): value is BatchDependence {
  const { side, cause, operation } = (value ?? {}) as Partial<Record<keyof BatchDependence, unknown>>;
  const { name, op } = (operation ?? {}) as Readonly<Record<string, unknown>>;
  return (
    (side === 'reference' || side === 'second') &&
    (cause === 'neighbours' || cause === 'place') &&
    (operation === null || (typeof name === 'string' && typeof op === 'string'))
  );
}

/** Operations that quantize a whole tensor by its own span: `DynamicQuantizeLinear`, and those that ONNX Runtime adds. */
const DYNAMIC_QUANTIZATION = /^DynamicQuantize/;

/** A clause for people. */
export function dependenceText({ side, cause, operation }: BatchDependence): string {
  const answers = side === 'second' ? "the second model's answers" : 'answers';
  const where = operation === null ? '' : `, first at ${operationText(operation)}`;
  const manner = cause === 'place' ? ', on its size or order' : '';
  const reason =
    operation !== null && DYNAMIC_QUANTIZATION.test(operation.op)
      ? ' (dynamic quantization: one scale for all testcases of a run)'
      : '';
  return `${answers} depend on the rest of the batch${where}${manner}${reason}`;
}

function operationText({ name, op }: NonNullable<BatchDependence['operation']>): string {
  // Names come from the model and may hold control characters.
  return escapeControl(name.toLowerCase().includes(op.toLowerCase()) ? name : `${name}, a ${op}`);
}
