import { readFileSync } from 'node:fs';
import { readOnnx } from '../../src/model/formats/onnx/graph.ts';
import type { Graph } from '../../src/model/graph/graph.ts';

/** The graph of an ONNX file, without a session of it. */
export function decodeOnnxGraph(path: string): Graph {
  return readOnnx(readFileSync(path), path).graph;
}
