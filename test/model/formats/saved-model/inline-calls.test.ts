import { expect, test } from '@jest/globals';
import { inlineCalls } from '../../../../src/model/formats/saved-model/inline-calls.ts';

test('calls of a recursive function are not inlined', () => {
  const call = { name: 'call', op: 'PartitionedCall', input: ['x'], attr: { f: { func: { name: 'f' } } } };
  const library = [
    {
      signature: { name: 'f', inputArg: [{ name: 'a' }], outputArg: [{ name: 'b' }] },
      nodeDef: [
        { ...call, name: 'one', input: ['a'] },
        { ...call, name: 'two', input: ['one:output:0'] },
      ],
      ret: { b: 'two:output:0' },
      controlRet: {},
    },
  ];
  const graph = [{ name: 'x', op: 'Placeholder', input: [], attr: {} }, call];
  expect(inlineCalls(graph, library, ['call:0'])).toBeUndefined();
});
