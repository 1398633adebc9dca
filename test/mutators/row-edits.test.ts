import { expect, test } from '@jest/globals';
import { randomStream } from '../../src/core/random.ts';
import { MUTATORS } from '../../src/mutators/registry.ts';
import { RowEdits } from '../../src/mutators/row-edits.ts';
import { boundsOf, givenOf, mutatorOf, pictureTraits, shapeOf } from '../support/mutators.ts';

const input = pictureTraits(12, 16, { channels: 3, channelsFirst: true });
const shape = shapeOf(input);
const rowOf = (key: string): Float32Array => {
  const random = randomStream('row', key);
  return Float32Array.from({ length: input.size }, () => random.uniform());
};
const PARENTS = [rowOf('a'), rowOf('b')];
const partner = rowOf('partner');
const editing = MUTATORS.list()
  .filter(({ editsPart, domains }) => editsPart === true && domains.some((d) => input.domains.includes(d)))
  .map(({ name }) => name);

test('mutators that change a part are among them', () => {
  expect(editing.sort()).toEqual(['block', 'cutout', 'salt-pepper', 'special', 'splice', 'square', 'values']);
});

test.each([...editing, 'negate'])('%s makes the same mutants of an edited row as of a copied one', (name) => {
  const row = new Float32Array(input.size);
  const edits = new RowEdits(row);
  const bounds = boundsOf('float32', input.size, input);
  const mutator = mutatorOf(name, input);
  for (let n = 0; n < 48; n++) {
    const parent = PARENTS[Math.floor(n / 8) % 2];
    edits.begin();
    mutator.mutate(row, 0, parent, givenOf(n, bounds, shape, { partner, edits }));
    edits.end(true);
    const copied = new Float32Array(input.size);
    mutator.mutate(copied, 0, parent, givenOf(n, bounds, shape, { partner }));
    expect(row).toEqual(copied);
  }
});

test('a row that was written as a whole, or from values that do not last, is copied anew', () => {
  const row = new Float32Array(4);
  const edits = new RowEdits(row);
  const parent = Float32Array.of(1, 2, 3, 4);
  edits.copy(row, 0, parent);
  edits.begin();
  row.fill(9);
  edits.end(true);
  edits.copy(row, 0, parent);
  expect(row).toEqual(parent);
  edits.end(false);
  parent[0] = 7;
  edits.copy(row, 0, parent);
  expect(row[0]).toBe(7);
});
