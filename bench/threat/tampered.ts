/**
 * Findings of campaigns that were tampered with: a value beyond a limit, a fixed value, another class, more queries or tries, a
 * suspicious input, another mutator, another input, another threat model. Prints a JSON line for each campaign: how many are refused
 * with the clause that was broken, and how many untouched findings obey.
 *
 * node dist/bench/threat/tampered.js --count 200 neurofuzz-out/model ...
 */
import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { ThreatChecker } from '../../src/campaign/obeys.ts';
import { parsePlausible } from '../../src/config/threat-model.ts';
import { listFindingFolders } from '../../src/storage/finding.ts';
import { readManifest } from '../../src/storage/manifest-reader.ts';
import { decodeNpz, encodeNpz } from '../../src/tensor/npz.ts';
import { readNumber, type Tensor, writeNumber } from '../../src/tensor/tensor.ts';
import { line, withFolder } from '../campaign.ts';

const { values: options, positionals: campaigns } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '200' } },
});

// biome-ignore lint/suspicious/noExplicitAny: files are changed as they are, whatever they hold.
type Json = any;

/** A finding whose files are changed in memory. */
interface Opened {
  readonly finding: Json;
  readonly input: Tensor;
  readonly seed: Tensor;
}

/** A way to tamper with a finding: the clause that then breaks, and the change; undefined where it cannot be made. */
interface Tampering {
  readonly clause: string;
  readonly change: (opened: Opened) => void;
}

const at = ({ type, data }: Tensor, i: number): number => readNumber(type, data, i);

function tamperingsOf(settings: Json, mask: Uint8Array | undefined): Tampering[] {
  const { threatModel } = settings;
  const [{ range }] = settings.resolved.inputs;
  const [low, high] = range;
  const tamperings: Tampering[] = [
    {
      clause: 'goal.kind',
      change: ({ finding }) => {
        const { details } = finding.violation;
        details.class = details.label;
      },
    },
    {
      clause: 'block',
      change: ({ finding }) => {
        finding.threat.block = '0'.repeat(16);
      },
    },
    {
      clause: 'id',
      change: ({ input, seed }) => {
        // Back to the seed: nearer than it was, and another input.
        const i = input.data.findIndex((_, k) => at(input, k) !== at(seed, k));
        writeNumber(input.type, input.data, i, at(seed, i));
      },
    },
  ];
  if (settings.linf !== undefined)
    tamperings.push({
      clause: 'limits.linf',
      change: ({ input, seed }) => {
        const i = mask === undefined ? 0 : mask.indexOf(0);
        const from = at(seed, i);
        const step = settings.linf * 1.01;
        writeNumber(input.type, input.data, i, from + step <= high ? from + step : from - step);
      },
    });
  else
    tamperings.push({
      clause: 'limits.range',
      change: ({ input }) =>
        writeNumber(
          input.type,
          input.data,
          mask === undefined ? 0 : mask.indexOf(0),
          high + (high - low) / 8,
        ),
    });
  if (mask !== undefined)
    tamperings.push({
      clause: 'limits.fixed',
      change: ({ input, seed }) => {
        const i = mask.indexOf(1);
        writeNumber(input.type, input.data, i, at(seed, i) > low ? low : high);
      },
    });
  const { each } = threatModel.queries ?? {};
  if (each !== undefined)
    tamperings.push({
      clause: 'queries.each',
      change: ({ finding }) => {
        finding.threat.queries = each + 1;
      },
    });
  if (threatModel.repeats === false)
    tamperings.push({
      clause: 'repeats',
      change: ({ finding }) => {
        finding.threat.queries = 2;
      },
    });
  if (threatModel.plausible !== undefined) {
    const { bound, comparison } = parsePlausible(threatModel.plausible);
    const beyond = comparison.startsWith('<') ? bound + 1e-3 : bound - 1e-3;
    tamperings.push({
      clause: 'plausible',
      change: ({ finding }) => {
        finding.threat.plausible = beyond;
      },
    });
  }
  if (threatModel.may === 'content-preserving')
    tamperings.push({
      clause: 'may',
      change: ({ finding }) => {
        finding.mutators = ['image:mirror'];
      },
    });
  return tamperings;
}

for (const campaign of campaigns) {
  const checker = await ThreatChecker.open(campaign);
  if (checker === undefined) throw new Error(`${campaign} has no threat model`);
  const manifest: Json = await readManifest(campaign);
  const settings = { ...manifest.settings, resolved: manifest.resolved };
  const fixed = settings.fixed === undefined ? undefined : join(campaign, [settings.fixed].flat()[0]);
  const mask =
    fixed === undefined
      ? undefined
      : Uint8Array.from(
          (await readFile(fixed)).subarray(
            -Number(settings.resolved.inputs[0].shape.reduce((a: number, b: number) => a * b)),
          ),
        );
  const tamperings = tamperingsOf(settings, mask);
  const folders = (await listFindingFolders(campaign)).map((name) => join(campaign, 'findings', name));
  const obeying = folders.filter((folder) => checker.check(folder).broken.length === 0).length;
  const changeable: string[] = [];
  for (const folder of folders) {
    const { id, ancestor } = JSON.parse(await readFile(join(folder, 'finding.json'), 'utf8'));
    if (id !== ancestor) changeable.push(folder);
  }
  const missed: Record<string, number> = {};
  const refused: Record<string, number> = {};
  await withFolder(async (temporary) => {
    for (const [n, folder] of changeable.slice(0, Number(options.count)).entries()) {
      const { clause, change } = tamperings[n % tamperings.length];
      const copy = join(temporary, basename(folder));
      await cp(folder, copy, { recursive: true });
      const finding = JSON.parse(await readFile(join(copy, 'finding.json'), 'utf8'));
      const inputs = decodeNpz(await readFile(join(copy, 'input.npz')), 'input.npz');
      const seeds = decodeNpz(
        await readFile(join(campaign, 'corpus', `${finding.ancestor}.npz`)),
        'seed.npz',
      );
      const [[name, input]] = inputs;
      const seed = seeds.get(name);
      if (seed === undefined) throw new Error(`${folder} has no seed`);
      change({ finding, input, seed });
      await writeFile(join(copy, 'finding.json'), JSON.stringify(finding));
      await writeFile(join(copy, 'input.npz'), encodeNpz([...inputs]));
      const [first] = checker.check(copy).broken;
      const counts = first?.clause === clause ? refused : missed;
      counts[clause] = (counts[clause] ?? 0) + 1;
    }
  });
  line({ bench: 'tampered', campaign, honest: folders.length, obeying, refused, missed });
}
