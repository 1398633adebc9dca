import { expect, test } from '@jest/globals';
import { selectLayers } from '../../src/model-commands/layer-patterns.ts';

const LAYERS = ['conv_1', 'conv_2', '/block/0/dense'].map((name) => ({
  name,
  op: 'Conv',
  constants: [name],
}));
const select = (...patterns: string[]): string[] => selectLayers(LAYERS, patterns).map(({ name }) => name);

test('layers are selected by name or pattern, in their own order', () => {
  expect(select('conv*')).toEqual(['conv_1', 'conv_2']);
  expect(select('/block/0/dense', 'conv_1')).toEqual(['conv_1', '/block/0/dense']);
  expect(select('*')).toEqual(['conv_1', 'conv_2', '/block/0/dense']);
});

test('a pattern that matches none is refused with a suggestion', () => {
  expect(() => select('conv_3')).toThrow('--layers: no layer is called conv_3: did you mean conv_1?');
});
