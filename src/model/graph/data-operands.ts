import type { GraphNode } from './graph.ts';

const WHERE_OPS: ReadonlySet<string> = new Set(['Where', 'Select', 'SelectV2']);

/** The operands whose values an operation passes on or combines: not conditions, and not counts of iterations. */
export function dataOperands({ op, inputs }: GraphNode): readonly string[] {
  if (op === 'If' || WHERE_OPS.has(op)) return inputs.slice(1);
  return op === 'Loop' ? inputs.slice(2) : inputs;
}
