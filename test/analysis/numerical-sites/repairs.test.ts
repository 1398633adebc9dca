import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { REPAIRS, repairOf } from '../../../src/analysis/numerical-sites/repairs.ts';
import { SITE_KINDS } from '../../../src/analysis/numerical-sites/site-kinds.ts';

test('every kind of site has a usual repair, and no other kind has one', () => {
  expect(Object.keys(REPAIRS)).toEqual(SITE_KINDS.map(({ name }) => name));
  for (const { text } of Object.values(REPAIRS)) expect(text).toMatch(/^[A-Z].*\.$/);
});

test('the page on numerical errors lists every repair with its source', () => {
  const page = readFileSync('docs/numerical-errors.md', 'utf8');
  for (const [kind, { text, source = '' }] of Object.entries(REPAIRS))
    expect(page).toContain(`| \`${kind}\` | ${text.replaceAll('|', '\\|')} | ${source} |`);
});

test('the repair is that of the kind, else the most general one of the operation, else that of an overflow', () => {
  expect(repairOf('Log', 'log-softmax').text).toMatch(/LogSoftmax of the logits/);
  expect(repairOf('Log').text).toMatch(/log\(max\(x, epsilon\)\)/);
  expect(repairOf('Div')).toBe(REPAIRS.div);
  expect(repairOf('Mod')).toBe(REPAIRS.mod);
  expect(repairOf('Softmax')).toBe(REPAIRS['softmax-mask']);
  expect(repairOf('LayerNormalization')).toBe(REPAIRS.normalisation);
  // In single precision these are no sites.
  expect(repairOf('MatMul').text).toMatch(/wider type/);
  expect(repairOf('Relu', 'a kind of a later version')).toBe(repairOf('MatMul'));
  expect(repairOf('MatMul', 'half-sum')).toBe(REPAIRS['half-sum']);
});
