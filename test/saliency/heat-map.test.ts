import { expect, test } from '@jest/globals';
import { heatMapSvg } from '../../src/saliency/heat-map.ts';

const fills = (svg: string): string[] =>
  [...svg.matchAll(/<rect x[^>]* fill="([^"]+)"/g)].map(([, fill]) => fill);

test('the largest value is the darkest, and one that is no number is red', () => {
  const svg = heatMapSvg([0, 0.5, 1, Number.NaN], 2, ['a', 'b'], ['c', 'd']);
  expect(fills(svg)).toEqual(['rgb(255,255,255)', 'rgb(128,128,255)', 'rgb(0,0,255)', 'rgb(178,24,43)']);
  expect(heatMapSvg([0, 0], 2, ['a'], ['c', 'd'])).toContain('rgb(255,255,255)');
});

test('words are text, whatever they hold, and long ones are cut', () => {
  const svg = heatMapSvg([1], 1, ['<script>&\u0007'], ['abcdefghijklmnopqrstuvwxyz']);
  expect(svg).toContain('&lt;script&gt;&amp;·');
  expect(svg).not.toContain('<script>');
  expect(svg).toContain('abcdefghijklmno…');
});

test('as many rows and columns are drawn as there are words', () => {
  expect(fills(heatMapSvg([1, 2, 3, 4, 5, 6], 3, ['a'], ['b', 'c']))).toHaveLength(2);
});
