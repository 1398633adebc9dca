/**
 * Measures the cost of a property on the dense network: mutants per second of a campaign with an assertion over all
 * 784 values of a row, over those of the same campaign without it, interleaved; once with random search, whose tasks
 * are the same in both, and once with guidance, which includes directed search for a violation. Prints a JSON line
 * for each.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, digitSeeds, line, median, withFolder } from './campaign.ts';
import { writeNetwork } from './networks.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    expression: { type: 'string', default: 'max(abs(image)) <= 1' },
  },
});

await withFolder(async (folder) => {
  const seeds = await digitSeeds(folder);
  const { onnx: model } = await writeNetwork('dense', folder);
  for (const guidance of tracked('properties', 'campaign', ['none', 'ann', 'auto'])) {
    const ratios: number[] = [];
    const shares: number[] = [];
    for (let round = 0; round < Number(options.rounds); round++) {
      const rates: number[] = [];
      for (const objective of [['nonfinite'], ['nonfinite', `assert:${options.expression}`]]) {
        const { statistics } = await campaign({
          model,
          objective,
          seeds,
          range: [-1, 1],
          guidance,
          jobs: 1,
          time: `${options.seconds}s`,
          seed: String(round),
          out: join(folder, `${guidance}-${round}-${objective.length}`),
        });
        rates.push(statistics.execsPerSecond);
        if (objective.length > 1) shares.push(statistics.shares.objectives);
      }
      ratios.push(rates[1] / rates[0]);
    }
    line({
      bench: 'properties',
      expression: options.expression,
      guidance,
      withOverWithout: Number(median(ratios).toFixed(3)),
      objectivesShare: Number(median(shares).toFixed(3)),
    });
  }
});
