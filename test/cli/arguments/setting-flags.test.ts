import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import {
  addAllSettingFlags,
  addSettingFlags,
  readSections,
  readSettingFlags,
} from '../../../src/cli/arguments/setting-flags.ts';
import { inputSection } from '../../../src/config/input-section.ts';
import { modelSection, resourceSection } from '../../../src/config/model-section.ts';

const run = (command: Command, ...words: string[]): object =>
  command.exitOverride().parse(words, { from: 'user' }).opts();

test('a command line gives settings as a campaign file would', () => {
  const words = ['--range=-1,1', '--execs', '500', '-i', 'a.npz', 'b.npz', '--until-finding'];
  const options = run(addAllSettingFlags(new Command()), ...words, '--generate', 'logits=1234');
  expect(readSettingFlags(options)).toEqual({
    range: [-1, 1],
    execs: 500,
    seeds: ['a.npz', 'b.npz'],
    untilFinding: true,
    generate: { logits: '1234' },
  });
});

test('the help of all settings shows their defaults', () => {
  const help = addAllSettingFlags(new Command()).helpInformation().replace(/\s+/g, ' ');
  expect(help).toContain('--keep <n> findings kept on disk per signature; all are counted (default: 5)');
  expect(help).toContain(
    "--time <duration> time limit, counted from the command's start: 90s, 10m, 8h (default: until Ctrl-C)",
  );
});

test('a command has the flags that it names, in that order and with its own help', () => {
  const command = addSettingFlags(new Command(), ['runtime', 'seeds'], { seeds: 'the inputs' });
  expect(command.options.map(({ flags, description }) => [flags, description.slice(0, 10)])).toEqual([
    ['--runtime <kind>', 'tensorflow'],
    ['-i, --seeds <path...>', 'the inputs'],
  ]);
  expect(() => addSettingFlags(new Command(), ['preprocess'])).toThrow('preprocess has no flag');
});

test('sections are read with their defaults; options that are no settings are passed over', () => {
  const options = { seeds: ['a.npz'], runtime: 'onnx', json: true, out: 'copy.onnx' };
  expect(
    readSections({ ...modelSection, ...resourceSection, ...inputSection }, options, { model: 'm.onnx' }),
  ).toEqual({ model: 'm.onnx', seeds: ['a.npz'], runtime: 'onnx', timeout: '30s' });
});

test('a wrong value is refused by the name of its flag', () => {
  expect(() => readSections(modelSection, { runtime: 'directml' })).toThrow(
    '--runtime must be one of auto, tensorflow, wasm, cpu, onnx, not "directml"',
  );
});
