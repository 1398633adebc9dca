import { expect, test } from '@jest/globals';
import { parseYaml } from '../../src/config/parse-yaml.ts';
import { UserError } from '../../src/core/errors.ts';

test('YAML and JSON are read, also with anchors and names that objects have', () => {
  expect(parseYaml('a: &a [1, x]\nb: { c: *a }\nconstructor: 2\n', 'f')).toEqual({
    a: [1, 'x'],
    b: { c: [1, 'x'] },
    constructor: 2,
  });
  expect(parseYaml('{"a": {"b": [true, null]}}', 'f')).toEqual({ a: { b: [true, null] } });
});

test('an error names the file, the line and the column', () => {
  expect(() => parseYaml('a: 1\nb: [1', 'f')).toThrow(/^f: .+ at line 2, column 6$/);
});

/** Each list holds the one before nine times. */
const BILLION_LAUGHS = `a: &a [x, x, x, x, x, x, x, x, x]\n${[...'bcdefghi']
  .map((name, i) => `${name}: &${name} [${new Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`)
  .join('\n')}`;

test.each([
  ['aliases of aliases', BILLION_LAUGHS, /is not valid YAML: .*Excessive alias count/],
  ['a list that holds itself', 'a: &a [*a]', /expands without bound/],
  ['a mapping that holds itself', 'a: &a\n  b: *a', /expands without bound/],
  ['an alias of nothing', 'a: *b', /Unresolved alias|not valid YAML/],
  ['brackets deeper than the stack', `${'['.repeat(1e5)}${']'.repeat(1e5)}`, /nested deeper than 64 levels/],
  ['objects deeper than the stack', `${'{"a":'.repeat(1e5)}1${'}'.repeat(1e5)}`, /nested deeper than 64/],
  ['lists in lists on one line', '- '.repeat(1e5), /nested deeper than 64 levels/],
  ['keys of keys', '? '.repeat(1e5), /nested deeper than 64 levels/],
  ['indentation', Array.from({ length: 700 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'), /nested deeper/],
  ['tags', '!!a '.repeat(1e5), /too large for a file of settings/],
  ['keys', Array.from({ length: 1e5 }, (_, i) => `k${i}: 1`).join('\n'), /too large for a file of settings/],
  ['a key that stands twice', 'b:\n  - {a: 1, a: 2}', /^f names "a" twice/],
  ['the name of a prototype', 'range: {__proto__: [0, 1]}', /^f: the name __proto__ is reserved/],
])('%s: refused in one line', (_, text, message) => {
  let thrown: unknown;
  try {
    parseYaml(text, 'f');
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(UserError);
  expect((thrown as UserError).message).toMatch(message);
});
