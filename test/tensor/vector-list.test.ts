import { expect, test } from '@jest/globals';
import { VectorList } from '../../src/tensor/vector-list.ts';

test('vectors lie side by side, however many there are', () => {
  const list = new VectorList();
  expect([list.width, [...list.slice(0, 0)]]).toEqual([0, []]);
  for (let i = 0; i < 2000; i++) list.append(Float32Array.of(i, -i));
  expect(list.width).toBe(2);
  expect([...list.slice(1998, 2000)]).toEqual([1998, -1998, 1999, -1999]);
});

test('a slice is a copy', () => {
  const list = new VectorList();
  list.append(Float32Array.of(1));
  list.slice(0, 1)[0] = 2;
  expect([...list.slice(0, 1)]).toEqual([1]);
});
