import { gatherInputEvidence } from '../../src/analysis/input-evidence/input-evidence.ts';
import type { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import type { InputEvidence } from '../../src/model/input-evidence.ts';

/** What the graph of a builder says of its inputs, by their names. */
export function evidenceOf(builder: OnnxBuilder): Record<string, InputEvidence> {
  const { graph, constant } = readOnnx(builder.finish('evidence'), 'evidence.onnx');
  const inputs = graph.inputs.map((name) => ({
    name,
    type: graph.types.get(name) ?? ('float32' as const),
    shape: (graph.shapes.get(name) ?? []).map((size) => (typeof size === 'number' ? size : null)),
  }));
  const evidence = gatherInputEvidence({ graph, inputs, constant });
  return Object.fromEntries(inputs.map(({ name }, i) => [name, evidence[i]]));
}
