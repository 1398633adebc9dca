/**
 * Measures the value of gradients, of margins and of guidance: mutants, passes and seconds until the first finding with all of them,
 * with margins and no gradients, with coverage only, with Gaussian noise only, and with random search, for ten master
 * seeds each, on the bundled model and, with `--data <folder>`, on models of MNIST. Prints a JSON line for each model and search.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { campaign, line, spreadOf, withFolder } from './campaign.ts';
import { flawedModels } from './flawed.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string' },
    cache: { type: 'string', default: 'bench/.cache' },
    seeds: { type: 'string', default: '10' },
    first: { type: 'string', default: '1' },
    models: { type: 'string' },
    measure: { type: 'string', default: 'norm' },
    searches: { type: 'string', default: 'gradients,margins,control' },
    /** Limit of mutants of one campaign; a search that finds nothing has failed. */
    most: { type: 'string', default: '1000000' },
  },
});

/** Settings of each search. */
const SEARCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gradients: {},
  margins: { gradients: 'off' },
  coverage: { guidance: 'ann' },
  'coverage-gaussian': { guidance: 'ann', mutator: 'gaussian' },
  all: { mutator: 'all' },
  gaussian: { mutator: 'gaussian' },
  control: { guidance: 'none' },
};

const most = Number(options.most);
const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(Number(options.first) + i));

await withFolder(async (folder) => {
  const models = await flawedModels(folder, options.cache, options.data);
  for (const model of tracked('mutants', 'model', models)) {
    if (options.models !== undefined && !options.models.split(',').some((name) => model.name.includes(name)))
      continue;
    for (const search of options.searches.split(',')) {
      const { mutator = [], ...settings } = SEARCHES[search];
      const execs: number[] = [];
      const passes: number[] = [];
      const seconds: number[] = [];
      let found = 0;
      let chosen = {};
      for (const seed of masters) {
        const { statistics } = await campaign({
          ...model.settings,
          ...settings,
          measure: options.measure,
          mutator: [...model.stays, ...[mutator].flat()],
          seed,
          out: join(folder, `${model.name}-${search}-${seed}`),
          untilFinding: true,
          execs: most,
        });
        const first = statistics.faults.find((fault) => fault.kept > 0);
        if (first !== undefined) found++;
        execs.push(first?.firstExecs ?? most);
        passes.push(statistics.forwardEquivalents);
        seconds.push(first?.firstSeconds ?? statistics.elapsedSeconds);
        chosen = Object.fromEntries(
          [...statistics.mutators]
            .sort((a, b) => b.share - a.share)
            .slice(0, 5)
            .map(({ mutator: name, share }) => [name, share]),
        );
      }
      line({
        bench: 'mutants',
        model: model.name,
        search,
        measure: options.measure,
        found,
        of: masters.length,
        ...spreadOf('Execs', execs),
        ...spreadOf('ForwardEquivalents', passes),
        ...spreadOf('Seconds', seconds),
        ...(search === 'control' ? {} : { sharesOfTheLast: chosen }),
      });
    }
  }
});
