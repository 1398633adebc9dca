import { expect, test } from '@jest/globals';
import { checkSettings } from '../../src/config/load.ts';
import { describePreset, PRESET_NAMES, PRESETS } from '../../src/config/presets.ts';

test.each(PRESET_NAMES)(
  'the settings of %s are legal and each overridden by the file and by flags',
  (preset) => {
    expect(checkSettings({ preset }, {}, undefined)).toMatchObject(PRESETS[preset]);
    expect(checkSettings({ time: '5s' }, { preset }, undefined)).toMatchObject({
      ...PRESETS[preset],
      time: '5s',
    });
    expect(checkSettings({ preset, time: '5s' }, { time: '6s' }, undefined).time).toBe('6s');
  },
);

test('a flag overrides the preset of the file', () => {
  expect(checkSettings({ preset: 'quick' }, { preset: 'deep' }, undefined).time).toBe('8h');
});

test('a preset that does not exist is refused with the nearest one', () => {
  expect(() => checkSettings({}, { preset: 'depe' }, undefined)).toThrow(
    '--preset must be one of quick, ci, deep (did you mean deep?), not "depe"',
  );
});

test('a preset is described by what applies and what overrides it', () => {
  expect(describePreset({}, {})).toBeUndefined();
  expect(describePreset({}, { preset: 'deep' })).toBe('preset deep: time: 8h, keep: 20');
  expect(describePreset({ preset: 'deep', time: '1h' }, { keep: 3 })).toBe(
    'preset deep: overridden by time: 1h, keep: 3',
  );
  expect(describePreset({ preset: 'deep' }, { keep: 3 })).toBe(
    'preset deep: time: 8h; overridden by keep: 3',
  );
});
