import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { UserError } from '../../../src/core/errors.ts';
import { pluginPaths } from '../../../src/storage/trust/plugin-paths.ts';

const OWN = resolve('own.js');

test.each([
  ['an objective', { objective: ['nonfinite', './own.js:bound=2'] }],
  ['an objective with a name', { objective: { mine: './own.js' } }],
  ['a mutator that a metamorphic objective applies', { objective: 'metamorphic:./own.js' }],
  ['one behind a name', { objective: 'metamorphic:name=a,./own.js' }],
  ['one of an input whose name holds a colon', { objective: ['nonfinite', 'metamorphic:x:0=./own.js'] }],
  ['one of an input whose name holds an equals sign', { objective: 'metamorphic:a=b=./own.js:most=0.1' }],
  ['one of an input whose name holds a comma', { objective: { o: 'metamorphic:a,b=./own.js' } }],
  ['a mutator', { mutator: './own.js:most=0.2' }],
  ['a mutator of an input', { mutator: ['gaussian', 'image=./own.js'] }],
  ['a mutator of an input whose name holds a colon', { mutator: ['x:0=./own.js'] }],
  ['a mutator of an input whose name holds an equals sign', { mutator: 'a=b=./own.js:most=0.2' }],
  ['mutators by input', { mutator: { image: ['gaussian', './own.js'] } }],
  ['one by input with a name of an input before it', { mutator: { image: 'a=./own.js:most=0.2' } }],
  ['one of an input whose name is that of a setting', { mutator: 'program:file=./own.js' }],
  ['a coverage criterion', { measure: './own.js:cells=8' }],
  ['a scheduler', { scheduler: 'own.js' }],
])('%s is a module that would be run', (_, settings) => {
  expect(pluginPaths(settings)).toContain(OWN);
});

test('a name of an objective that holds more than a name is refused', () => {
  expect(() => pluginPaths({ objective: { a: 'nonfinite', 'n,./own.js': 'metamorphic' } })).toThrow(
    UserError,
  );
});

test('built-in kinds, expressions and word lists are none', () => {
  expect(
    pluginPaths({
      objective: ['assert:a / b < 1', 'text:words,file=lists/words.txt', 'metamorphic:brightness', 'a:b:c'],
      mutator: { x: 'none', y: ['gaussian:sigma=0.1', 'program:file=../out/program.npy,strength=0.5'] },
      measure: 'values:width=8',
      scheduler: 'yield',
    }),
  ).toEqual([]);
  expect(pluginPaths({})).toEqual([]);
});
