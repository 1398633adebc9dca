import { expect, test } from '@jest/globals';
import { rebaseObjectiveSpec, rebaseSpec } from '../../src/config/rebase-paths.ts';
import { parseModuleSpec } from '../../src/extensions/spec.ts';

test.each([
  ['./own.js', { input: '', path: './own.js', parameters: '' }],
  ['own.mjs:amount=2,most=3', { input: '', path: 'own.mjs', parameters: 'amount=2,most=3' }],
  ['image=../a/own.ts', { input: 'image=', path: '../a/own.ts', parameters: '' }],
  ['my.input=/abs/own.js:n=1', { input: 'my.input=', path: '/abs/own.js', parameters: 'n=1' }],
  ['C:\\own.js', { input: '', path: 'C:\\own.js', parameters: '' }],
  ['C:\\own.js:n=1', { input: '', path: 'C:\\own.js', parameters: 'n=1' }],
  ['./a=b/own.js', { input: '', path: './a=b/own.js', parameters: '' }],
])('%s names a module', (spec, parts) => {
  expect(parseModuleSpec(spec)).toEqual(parts);
});

test.each(['gaussian', 'gaussian:sigma=0.05', 'image=gaussian', 'image=gaussian:sigma=1', 'none', 'all'])(
  '%s names none and stays as it is',
  (spec) => {
    expect(parseModuleSpec(spec)).toBeUndefined();
    expect(rebaseSpec(spec, () => 'elsewhere')).toBe(spec);
  },
);

test('a module is moved with what stands around it, and still looks like one', () => {
  expect(rebaseSpec('x=./own.js:n=1', (path) => `campaigns/${path}`)).toBe('x=campaigns/./own.js:n=1');
  expect(rebaseSpec('own.js', (path) => path)).toBe('./own.js');
});

test('the file that a rule of text reads is moved, and nothing that only looks like one', () => {
  const place = (path: string): string => `../${path}`;
  for (const [spec, moved] of [
    ['text:words,file=a.txt', 'text:words,file=../a.txt'],
    ['text:name=sad,words,fold=none,file=lists/a.txt', 'text:name=sad,words,fold=none,file=../lists/a.txt'],
    ['text:canary,file=a.txt,prompted=1', 'text:canary,file=../a.txt,prompted=1'],
    ['text:regex,name=x,file=[a-z]+,y', 'text:regex,name=x,file=[a-z]+,y'],
    ['text:words,my file=x', 'text:words,my file=x'],
    ['text:repeated-word', 'text:repeated-word'],
  ])
    expect(rebaseObjectiveSpec(spec, place)).toBe(moved);
});
