import { UserError } from '../../core/errors.ts';
import { bytesOf } from '../../tensor/tensor.ts';
import { decodeMessage } from '../formats/decode-message.ts';
import type { OnnxContent } from '../formats/onnx/graph.ts';
import { type Long, ModelProto, type OnnxNode } from '../formats/onnx/proto.ts';
import { DATA_TYPE } from '../formats/onnx/tensor.ts';
import { OPERATOR_UPGRADES, type UpgradeContext } from './operator-upgrades.ts';

/** Version of the ONNX operators that models are upgraded to. */
export const UPGRADED_OPSET = 13;

/** Oldest version that is upgraded: before it, operations told by attributes how shapes are broadcast. */
const OLDEST_OPSET = 7;

/** First version of the file format in which constants need not be inputs as well, and of that of `UPGRADED_OPSET`. */
const FREE_CONSTANTS_IR = 4;
const UPGRADED_IR = 7;

interface Subgraph {
  node: object[];
}

/** The fields of a decoded ModelProto that an upgrade changes. */
interface UpgradableModel {
  irVersion?: Long;
  opsetImport: { readonly domain?: string; version: Long }[];
  readonly graph: Subgraph & {
    initializer: object[];
    input: { readonly name: string }[];
  };
}

/**
 * Upgrades an ONNX file to version 13 of the operators: operations that changed are rewritten so that they compute the
 * same.
 *
 * @param content what the file holds
 * @returns the file itself if it needs no upgrade
 * @throws UserError with the line that converts the model elsewhere, for operations that are not rewritten
 */
export function upgradeOnnx(
  bytes: Uint8Array,
  { graph, opset }: Pick<OnnxContent, 'graph' | 'opset'>,
  path: string,
): Uint8Array {
  if (opset >= UPGRADED_OPSET) return bytes;
  const model = decodeMessage<UpgradableModel>(ModelProto, bytes);
  if (opset > 0 && opset < OLDEST_OPSET)
    throw upgradeError(path, opset, `versions before ${OLDEST_OPSET} broadcast in another way`);
  const names = new Set([...graph.inputs, ...graph.types.keys(), ...graph.constants.keys()]);
  for (const { inputs, outputs } of graph.nodes) for (const name of [...inputs, ...outputs]) names.add(name);
  const freshName = (wanted: string): string => {
    let name = wanted;
    while (names.has(name)) name = `${name}_`;
    names.add(name);
    return name;
  };
  const context: UpgradeContext = {
    freshName,
    addConstant(wanted, type, dims, data) {
      const name = freshName(wanted);
      model.graph.initializer.push({ name, dims, dataType: DATA_TYPE[type], rawData: bytesOf(data) });
      return name;
    },
    typeOf: (tensor) => graph.types.get(tensor),
    rankOf: (tensor) => (graph.shapes.get(tensor) ?? graph.constants.get(tensor))?.length,
  };
  const visit = (subgraph: Subgraph): void => {
    subgraph.node = (subgraph.node as OnnxNode[]).flatMap((node): readonly object[] => {
      for (const { g, graphs = [] } of node.attribute)
        for (const body of g ? [g, ...graphs] : graphs) visit(body as unknown as Subgraph);
      const rule = isStandard(node) ? OPERATOR_UPGRADES[node.opType] : undefined;
      if (rule === undefined || opset >= rule.version) return [node];
      const upgraded = rule.upgrade(node, context);
      if (typeof upgraded !== 'string') return upgraded;
      throw upgradeError(path, opset, `${node.opType} ${node.name || node.output[0]} ${upgraded}`);
    });
  };
  visit(model.graph);
  setVersions(model);
  return ModelProto.encode(model as Parameters<typeof ModelProto.encode>[0]).finish();
}

function isStandard({ domain }: OnnxNode): boolean {
  return domain === '' || domain === 'ai.onnx';
}

function setVersions(model: UpgradableModel): void {
  const standard = model.opsetImport.find(({ domain = '' }) => domain === '' || domain === 'ai.onnx');
  if (standard === undefined) model.opsetImport.push({ domain: '', version: UPGRADED_OPSET });
  else standard.version = UPGRADED_OPSET;
  const { graph } = model;
  const version = Number(model.irVersion ?? 0);
  if (version >= UPGRADED_IR) return;
  model.irVersion = UPGRADED_IR;
  if (version >= FREE_CONSTANTS_IR) return;
  // Constants that are inputs as well could be overridden from here on.
  const constants = new Set(graph.initializer.map((tensor) => (tensor as { readonly name: string }).name));
  graph.input = graph.input.filter(({ name }) => !constants.has(name));
}

function upgradeError(path: string, opset: number, reason: string): UserError {
  const converted = path.replace(/(\.onnx)?$/i, `-${UPGRADED_OPSET}.onnx`);
  const line = `import onnx, onnx.version_converter as v; onnx.save(v.convert_version(onnx.load('${path}'), ${UPGRADED_OPSET}), '${converted}')`;
  return new UserError(
    `${path} uses version ${opset} of the ONNX operators and quantizing needs ${UPGRADED_OPSET}: ${reason}; convert it with python -c "${line}"`,
  );
}
