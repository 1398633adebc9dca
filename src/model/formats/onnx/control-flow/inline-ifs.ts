import type { OnnxGraph, OnnxNode } from '../proto.ts';
import { bodiesOf, bodyOf, changed, controlFlowOf, mapBodies } from './bodies.ts';

/** Decides a condition; undefined if it may differ from run to run. */
export type Decide = (condition: string) => Promise<boolean | undefined>;

/**
 * Replaces each If whose condition is decided by the branch that it takes, within bodies too. The branch's operations
 * keep their names and those of their tensors; the results of the If become copies of the branch's.
 *
 * @param graph with unique names
 */
export async function inlineIfs(graph: OnnxGraph, decide: Decide): Promise<OnnxGraph> {
  const node: OnnxNode[] = [];
  const initializer = [...graph.initializer];
  const sparseInitializer = [...graph.sparseInitializer];
  const valueInfo = [...graph.valueInfo];
  for (const outer of graph.node) {
    const taken = await takenBranch(outer, decide);
    if (taken === undefined) {
      node.push(await inlineWithin(outer, decide));
      continue;
    }
    const branch = await inlineIfs(taken, decide);
    node.push(...branch.node, ...copies(outer, branch));
    initializer.push(...branch.initializer);
    sparseInitializer.push(...branch.sparseInitializer);
    valueInfo.push(...branch.valueInfo);
  }
  return changed(graph, { node, initializer, sparseInitializer, valueInfo });
}

async function takenBranch(node: OnnxNode, decide: Decide): Promise<OnnxGraph | undefined> {
  if (controlFlowOf(node) !== 'If') return undefined;
  const decision = await decide(node.input[0] ?? '');
  if (decision === undefined) return undefined;
  return bodyOf(node, decision ? 'then_branch' : 'else_branch');
}

async function inlineWithin(node: OnnxNode, decide: Decide): Promise<OnnxNode> {
  const bodies = bodiesOf(node);
  if (bodies.length === 0) return node;
  const inlined = new Map<OnnxGraph, OnnxGraph>();
  for (const { graph } of bodies) inlined.set(graph, await inlineIfs(graph, decide));
  return mapBodies(node, ({ graph }) => inlined.get(graph) ?? graph);
}

/** Nodes that give a branch's results the names of the If's. */
function copies({ name, output, domain }: OnnxNode, branch: OnnxGraph): OnnxNode[] {
  return output.flatMap((result, i): OnnxNode[] => {
    if (result === '') return [];
    const copy = { name: i === 0 ? name : `${name}/${i}`, opType: 'Identity', domain };
    return [{ ...copy, input: [branch.output[i].name], output: [result], attribute: [] }];
  });
}
