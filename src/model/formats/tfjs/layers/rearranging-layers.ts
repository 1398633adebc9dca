import { type LayerExpander, settingsOf } from './layer-nodes.ts';

/** A layer of one operation and its input. */
export const expandOne =
  (op: string, settings: readonly string[] = []): LayerExpander =>
  (nodes, layer) => {
    nodes.add(op, [nodes.input], settingsOf(layer, settings));
  };

/** Layers that do nothing but in training. */
export const expandIdentity: LayerExpander = (nodes) => {
  nodes.add('Identity', [nodes.input]);
};

export const expandFlatten: LayerExpander = (nodes, layer) => {
  // With channels first, they are moved to the end.
  nodes.add(layer.getConfig().dataFormat === 'channelsFirst' ? 'Transpose' : 'Flatten', [nodes.input]);
};

export const expandPermute: LayerExpander = (nodes, layer) => {
  const { dims } = layer.getConfig();
  nodes.add('Transpose', [nodes.input], { perm: [0, ...(dims as number[])] });
};

export const expandUpSampling: LayerExpander = (nodes, layer) => {
  const isNearest = layer.getConfig().interpolation === 'nearest';
  nodes.add(
    isNearest ? 'ResizeNearestNeighbor' : 'ResizeBilinear',
    [nodes.input],
    settingsOf(layer, ['size', 'dataFormat']),
  );
};

export const expandPooling = (op: string): LayerExpander =>
  expandOne(op, ['poolSize', 'strides', 'padding', 'dataFormat']);
