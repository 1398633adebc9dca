import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { quote } from '../../src/cli/launcher.ts';
import { hasControl } from '../../src/core/escape-control.ts';

test.each(['model.onnx', "it's here", 'a b', "\u001b[31m\n\u202e'\\ü"])(
  'the shell reads %j as it was, and its quoted form can be printed',
  (word) => {
    const quoted = quote(word);
    expect(hasControl(quoted)).toBe(false);
    expect(execFileSync('bash', ['-c', `printf %s ${quoted}`], { encoding: 'utf8' })).toBe(word);
  },
);
