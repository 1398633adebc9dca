/**
 * An attacker who sees classes alone (`threatModel.knows.outputs: labels`): share of MNIST digits around which a dense network and its
 * float16 copy disagree within L-infinity 0.4, and queries until then. Prints a JSON line.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeNpz } from '../../src/tensor/npz.ts';
import { campaign, line, median, withFolder } from '../campaign.ts';
import { mnist, PIXELS } from '../digit-networks.ts';
import { quantizedPair } from '../experiments/quantized.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    digits: { type: 'string', default: '40' },
    /** Pictures that the attacker has, the attacked digits among them: the search leads to those of another class. */
    pictures: { type: 'string', default: '400' },
    /** Queries of the attacker for one digit. */
    queries: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
  },
});

await withFolder(async (folder) => {
  const pair = await quantizedPair('dense', 'float16', await mnist(options.data), options.cache, folder);
  const rows = pair.alike.slice(0, Number(options.pictures));
  const data = Float32Array.from(
    rows.flatMap((row) => [...pair.heldOut.images.subarray(row * PIXELS, (row + 1) * PIXELS)]),
  );
  const seeds = join(folder, 'digits.npz');
  await writeFile(seeds, encodeNpz([['image', { type: 'float32', shape: [rows.length, 28, 28, 1], data }]]));
  const { statistics } = await campaign({
    model: pair.model,
    against: pair.copy,
    objective: ['quantization'],
    seeds,
    range: [-1, 1],
    linf: 0.4,
    seed: options.seed,
    threatModel: {
      goal: { kind: 'untargeted' },
      starts: 'given',
      may: 'indistinguishable',
      limits: { linf: 0.4, range: [-1, 1] },
      knows: { model: 'outputs', outputs: 'labels' },
      queries: { each: Number(options.queries) },
    },
    execs: Number(options.queries) * rows.length,
    out: join(folder, 'labels'),
  });
  const digits = Number(options.digits);
  const accounts = statistics.seedAccounts[0]?.accounts.slice(0, digits) ?? [];
  const queries = accounts.flatMap(({ firstQuery }) => (firstQuery === null ? [] : [firstQuery]));
  line({
    bench: 'labels',
    digits,
    pictures: rows.length,
    accuracy: pair.accuracy,
    broken: queries.length,
    share: queries.length / digits,
    queriesMedian: median(queries),
    queriesWorst: Math.max(...queries),
    execs: statistics.execs,
  });
});
