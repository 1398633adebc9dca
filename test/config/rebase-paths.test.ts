import { expect, test } from '@jest/globals';
import { rebasePaths } from '../../src/config/rebase-paths.ts';

test.each([
  ['model', 'm.onnx', 'f/m.onnx'],
  ['corpus', ['a', '../b'], ['f/a', 'b']],
  ['seeds', 'image=a.npz', 'image=f/a.npz'],
  ['seeds', { image: 'a=b.npz' }, { image: 'f/a=b.npz' }],
  ['labels', 'labels.npy', 'f/labels.npy'],
  ['labels', 'folders', 'folders'],
  ['labels', 'column=3', 'column=3'],
  ['measure', 'norm', 'norm'],
  ['measure', './m.js', 'f/m.js'],
  ['mutator', { x: ['gaussian', './own.js:n=1'] }, { x: ['gaussian', 'f/own.js:n=1'] }],
  ['mutator', 'program:file=p.npy,strength=0.5', 'program:file=f/p.npy,strength=0.5'],
  ['mutator', { x: 'program:strength=0.5,file=p.npy' }, { x: 'program:strength=0.5,file=f/p.npy' }],
  ['mutator', ['x=program:file=a/p.npy'], ['x=program:file=f/a/p.npy']],
  ['objective', ['text:words,file=w.txt', 'slow'], ['text:words,file=f/w.txt', 'slow']],
  ['generate', { vocabulary: 'v.json', length: 3 }, { vocabulary: 'f/v.json', length: 3 }],
  ['generate', { vocabulary: 'codepoints' }, { vocabulary: 'codepoints' }],
  ['generate', { vocabulary: 'https://x/v.json' }, { vocabulary: 'https://x/v.json' }],
  ['tokens', { ids: { vocabulary: 'v.txt' } }, { ids: { vocabulary: 'f/v.txt' } }],
  ['signature', 'serving', 'serving'],
  ['execs', 5, 5],
])('%s: %j becomes %j', (key, value, expected) => {
  expect(rebasePaths({ [key]: value }, 'f')).toEqual({
    [key]: expected,
  });
});
