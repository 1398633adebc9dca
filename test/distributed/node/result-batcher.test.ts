import { expect, test } from '@jest/globals';
import { ResultBatcher } from '../../../src/distributed/node/result-batcher.ts';

test('what comes together is sent together, and what comes later with what is later', async () => {
  const sent: string[][] = [];
  const outbox = new ResultBatcher(async (all) => {
    sent.push(all.map(String));
  });
  await Promise.all(['a', 'b', 'c'].map((text) => outbox.add(Buffer.from(text))));
  await outbox.add(Buffer.from('d'));
  expect(sent).toEqual([['a', 'b', 'c'], ['d']]);
});

test('whoever puts something there hears of it where that cannot be sent, and others after it are sent', async () => {
  let isBroken = true;
  const outbox = new ResultBatcher(async () => {
    if (isBroken) throw new Error('it is full');
  });
  const put = ['a', 'b'].map((text) => outbox.add(Buffer.from(text)));
  const told = await Promise.allSettled(put);
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  isBroken = false;
  await outbox.add(Buffer.from('c'));
});
