import { type LayerExpander, settingsOf } from './layer-nodes.ts';

export const expandBatchNormalization: LayerExpander = (nodes, layer) => {
  nodes.add(
    'BatchNormalization',
    [
      nodes.input,
      nodes.weight(layer, 'gamma') ?? nodes.constant('gamma', [1]),
      nodes.weight(layer, 'beta') ?? nodes.constant('beta', [0]),
      nodes.weight(layer, 'moving_mean') ?? '',
      nodes.weight(layer, 'moving_variance') ?? '',
    ],
    settingsOf(layer, ['epsilon']),
  );
};

/** Over the last axes it is ONNX's operation, which has the first of them as `axis`. */
export const expandLayerNormalization: LayerExpander = (nodes, layer) => {
  const rank = nodes.call.inputShapes[0].length;
  const axes = [layer.getConfig().axis].flat().map((axis) => nodes.axis(Number(axis)));
  const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
  const areLast = positive.every((axis, i) => axis === rank - positive.length + i);
  nodes.add(
    areLast ? 'LayerNormalization' : 'NormalizationOverAxes',
    [
      nodes.input,
      nodes.weight(layer, 'gamma') ?? nodes.constant('gamma', [1]),
      nodes.weight(layer, 'beta') ?? nodes.constant('beta', [0]),
    ],
    { ...settingsOf(layer, ['epsilon']), ...(areLast ? { axis: positive[0] } : { axes: positive }) },
  );
};
