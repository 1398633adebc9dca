import type { ModelFormat } from '../../model/model.ts';
import { AFFINE_RULES, SHARED_AFFINE_RULES } from './affine-rules.ts';
import { LAYOUT_RULES, SHARED_LAYOUT_RULES } from './layout-rules.ts';
import type { AffineRule } from './node-context.ts';

const ONNX_RULES: Readonly<Record<string, AffineRule>> = { ...LAYOUT_RULES, ...AFFINE_RULES };
const GRAPH_RULES: Readonly<Record<string, AffineRule>> = { ...SHARED_LAYOUT_RULES, ...SHARED_AFFINE_RULES };

/**
 * Rules of operations that are linear, by format. Shapes in the settings of layers leave out the batch, and merging layers align
 * axes in a way of their own.
 */
export const LINEAR_RULES: Readonly<Record<ModelFormat, Readonly<Record<string, AffineRule>>>> = {
  onnx: ONNX_RULES,
  'tfjs-graph': GRAPH_RULES,
  'saved-model': GRAPH_RULES,
  'tfjs-layers': {
    Identity: LAYOUT_RULES.Identity,
    Dropout: LAYOUT_RULES.Dropout,
    MatMul: AFFINE_RULES.MatMul,
    Neg: AFFINE_RULES.Neg,
  },
};
