import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Random } from '../../../src/core/random.ts';
import { CAMPAIGNS } from '../campaigns.ts';
import { changedBytes } from '../damage.ts';
import { brokenPromise } from '../ending.ts';
import type { HostileClass, Trial } from '../suite.ts';

/** Campaign files and nightly files, changed by bytes and by values, and with what YAML allows. */
export const configurations: HostileClass = {
  name: 'configurations',
  trials: 200,
  prepare: async () => changedConfiguration,
};

const NIGHTLY = `
time: 4s
out: nights
campaigns:
  first: { config: campaign.yaml, execs: 64 }
  second: { config: campaign.yaml, execs: 64, objective: nonfinite }
`;

const changedConfiguration: Trial = async (random, lane, folder) => {
  const { config } = CAMPAIGNS[random.below(CAMPAIGNS.length)];
  const original = withAbsolutePaths(readFileSync(config, 'utf8'), resolve(config, '..'));
  const isNightly = random.below(4) === 0;
  const campaign = join(folder, 'campaign.yaml');
  const nightly = join(folder, 'nightly.yaml');
  const { text, how } = changedText(isNightly ? NIGHTLY : original, random);
  writeFileSync(campaign, isNightly ? original : text);
  if (isNightly) writeFileSync(nightly, text);
  const fuzz = [
    'fuzz',
    '-c',
    campaign,
    '-n',
    '64',
    '-t',
    '5s',
    '-j',
    '1',
    '--quiet',
    '-o',
    join(folder, 'out'),
  ];
  const args = isNightly ? ['nightly', nightly, '--quiet'] : fuzz;
  const failure = brokenPromise(await lane.command(args), [0, 1, 2]);
  return { what: `${isNightly ? 'nightly.yaml' : config}, ${how}`, commands: 1, failure };
};

/** The file's text with its paths as seen from anywhere. */
function withAbsolutePaths(text: string, folder: string): string {
  return text.replaceAll(/[\w-]+\.(onnx|npz|txt|json)/g, (name) => join(folder, name));
}

function changedText(text: string, random: Random): { text: string; how: string } {
  const kind = random.below(4);
  if (kind === 0)
    return {
      text: Buffer.from(changedBytes(Buffer.from(text), random)).toString('latin1'),
      how: 'bytes changed',
    };
  if (kind === 1) {
    const trap = TRAPS[random.below(TRAPS.length)];
    return { text: random.below(2) === 0 ? trap : `${text}\n${trap}`, how: `with ${trap.slice(0, 20)}` };
  }
  return { text: stringify(changedValues(parse(text), random)), how: 'values changed' };
}

/** An alias bomb: nine levels of nine. */
const BOMB = Array.from({ length: 9 }, (_, i) => {
  const items = i === 0 ? Array(9).fill('lol') : Array(9).fill(`*a${i - 1}`);
  return `a${i}: &a${i} [${items.join(', ')}]`;
}).join('\n');

const TRAPS = [
  BOMB,
  'range: &r { image: *r }',
  'objective: &o [*o]',
  '__proto__: { polluted: true }',
  'constructor: { prototype: { polluted: true } }',
  `model: ${'['.repeat(10_000)}`,
  `objective: ${'{a: '.repeat(10_000)}`,
  'mutator: { __proto__: gaussian }',
  '? [complex, key]\n: value',
  '!!js/function "function () {}"',
  '--- \n--- \n',
  '\u0000',
  `seed: ${'9'.repeat(100_000)}`,
  'execs: .nan',
  'batch: -.inf',
  'linf: 1e999',
];

const VALUES: readonly unknown[] = [
  null,
  -1,
  0,
  1e308,
  Number.NaN,
  '',
  [],
  {},
  true,
  'a'.repeat(10_000),
  '../../../etc/passwd',
  '\u001b[31m\u202e',
  [[[[1]]]],
];

/** Replaces, removes or adds one value of a document. */
function changedValues(document: unknown, random: Random): unknown {
  if (typeof document !== 'object' || document === null || random.below(6) === 0)
    return VALUES[random.below(VALUES.length)];
  const entries = Object.entries(document);
  if (entries.length === 0) return VALUES[random.below(VALUES.length)];
  const at = random.below(entries.length);
  const [key, value] = entries[at];
  const kind = random.below(4);
  if (kind === 0) entries.splice(at, 1);
  else if (kind === 1) entries.push(['unknown\u001b', value]);
  else entries[at] = [key, changedValues(value, random)];
  return Array.isArray(document) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
