import { expect, test } from '@jest/globals';
import { makeBuiltIn } from '../../src/objectives/registry.ts';
import { describeObjective } from '../../src/workers/objective-descriptor.ts';

test('an objective is described as plain data', () => {
  const descriptor = describeObjective(makeBuiltIn('nonfinite'));
  expect(structuredClone(descriptor)).toEqual(descriptor);
  expect(descriptor).toMatchObject({ name: 'nonfinite', labelled: false, timed: false, hasMargins: false });
});

test('objectives that run testcases in other batches say so', () => {
  expect(describeObjective(makeBuiltIn('consistent'))).toMatchObject({ comparesBatches: true });
  expect(describeObjective(makeBuiltIn('consistent:across=threads')).comparesBatches).toBeUndefined();
});

test('what an objective can do is told by the methods that it has', () => {
  const bare = { name: 'own', judge() {} };
  expect(describeObjective(bare)).toEqual({
    name: 'own',
    tensors: [],
    labelled: false,
    timed: false,
    seedExemption: undefined,
    hasMargins: false,
    isTwoSided: false,
    tellsTies: false,
    predictsBeforeOutput: false,
    isAttributable: false,
    breaksSeeds: false,
  });
  const able = {
    ...bare,
    tensors: ['logits'],
    margins: () => 0,
    isTwoSided: true,
    marginSignatures: ['own-a'],
    plugin: './own.js',
    breaksSeed: () => true,
    attribute: () => ({ objective: 'own', signature: 'own', summary: '', tensors: [], details: {} }),
  };
  expect(describeObjective(able)).toMatchObject({
    tensors: ['logits'],
    hasMargins: true,
    isTwoSided: true,
    isAttributable: true,
    breaksSeeds: true,
    marginSignatures: ['own-a'],
    plugin: './own.js',
  });
});

test('objectives that compare the classes of two models tell ties, unless they are not to', () => {
  const tellsTies = (spec: string): boolean => describeObjective(makeBuiltIn(spec)).tellsTies;
  const specs = [
    'quantization',
    'differential:top=3',
    'quantization:ties=fault',
    'differential:atol=1',
    'differential:by=boxes',
    'metamorphic:mirror',
  ];
  expect(specs.filter(tellsTies)).toEqual(['quantization', 'differential:top=3']);
});
