import { expect, test } from '@jest/globals';
import { ResultBatcher } from '../../../src/distributed/node/result-batcher.ts';

test('what comes together is sent together, and what comes later with what is later', async () => {
  const sent: string[][] = [];
  const batcher = new ResultBatcher(async (all) => {
    sent.push(all.map(String));
  });
  await Promise.all(['a', 'b', 'c'].map((text) => batcher.add(Buffer.from(text))));
  await batcher.add(Buffer.from('d'));
  expect(sent).toEqual([['a', 'b', 'c'], ['d']]);
});

test('a result that cannot be sent is reported to whoever added it, and later ones are sent', async () => {
  let isBroken = true;
  const sent: string[][] = [];
  const batcher = new ResultBatcher(async (all) => {
    if (isBroken) throw new Error('it is full');
    sent.push(all.map(String));
  });
  const outcomes = await Promise.allSettled(['a', 'b'].map((text) => batcher.add(Buffer.from(text))));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isBroken = false;
  await batcher.add(Buffer.from('c'));
  expect(sent).toEqual([['c']]);
});
