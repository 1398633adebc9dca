/**
 * Measures the search for planted numerical defects: time and mutants until each is found with gradients, with margins alone, with coverage
 * only and with random search; and false positives on the repaired twins. Prints a JSON line for each model and
 * search, for each twin, and a summary.
 */
import { parseArgs } from 'node:util';
import { randomStream } from '../../src/core/random.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { readNumber, sizeOf, type Tensor } from '../../src/tensor/tensor.ts';
import { campaign, line, spreadOf, withFolder } from '../campaign.ts';
import { tracked } from '../progress.ts';
import { makeNumericModels, type NumericModel } from './make.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: '' },
    seeds: { type: 'string', default: '3' },
    searches: { type: 'string', default: 'gradients,margins,none' },
    time: { type: 'string', default: '20s' },
    /** Limit of mutants in place of the time limits, so that campaigns are the same on any machine. */
    execs: { type: 'string' },
    /** Number of master seeds, and time limit, of each search but the first. */
    'other-seeds': { type: 'string', default: '3' },
    'other-time': { type: 'string', default: '20s' },
    /** Time limit for each twin; 0 skips the twins. */
    twins: { type: 'string', default: '5s' },
    /** Samples of each kind of noise on which every model is run first. */
    noise: { type: 'string', default: '500000' },
    jobs: { type: 'string', default: '2' },
    cache: { type: 'string', default: 'bench/.cache/numeric.json' },
  },
});

/** The settings of each search. */
const SEARCHES: Readonly<Record<string, object>> = {
  gradients: {},
  margins: { gradients: 'off' },
  coverage: { guidance: 'ann' },
  none: { guidance: 'none' },
};

const masters = Array.from({ length: Number(options.seeds) }, (_, i) => String(i + 1));
const BATCH = 1000;

/** Number of noise samples with non-finite outputs. */
async function nonFiniteOnNoise({ name, path }: NumericModel, draws: number): Promise<number> {
  const model = await loadModel(path, { runtime: 'auto' });
  const random = randomStream('numeric-noise', name);
  const uniform = (): number => 2 * random.uniform() - 1;
  const gaussian = (): number =>
    Math.max(-1, Math.min(1, Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(Math.PI * uniform())));
  let wrong = 0;
  for (const draw of [uniform, gaussian]) {
    for (let done = 0; done < draws; done += BATCH) {
      const feeds = model.inputs.map(({ shape: [, ...row] }): Tensor => {
        const shape = [BATCH, ...row.map((size) => size ?? 1)];
        return { type: 'float32', shape, data: Float32Array.from({ length: sizeOf(shape) }, draw) };
      });
      try {
        const { outputs } = await model.run(feeds, []);
        for (const { type, data } of outputs)
          for (let i = 0; i < data.length; i++) if (!Number.isFinite(readNumber(type, data, i))) wrong++;
      } catch {
        wrong++;
      }
    }
  }
  await model.dispose();
  return wrong;
}

await withFolder(async (folder) => {
  const words = options.models.split(',').filter((word) => word !== '');
  const models = await makeNumericModels(folder, words, options.cache);
  const common = { range: [-1, 1], jobs: Number(options.jobs) };
  let runs = 0;
  const totals = new Map<string, { found: number } & Record<'seconds' | 'execs' | 'passes', number[]>>();
  for (const model of tracked('numerical defects', 'model', models)) {
    const noise =
      Number(options.noise) > 0 ? await nonFiniteOnNoise(model, Number(options.noise)) : undefined;
    for (const [place, search] of options.searches.split(',').entries()) {
      const own = place === 0 ? masters : masters.slice(0, Number(options['other-seeds']));
      const time = place === 0 ? options.time : options['other-time'];
      const most = options.execs === undefined ? model.mostExecs : Number(options.execs);
      const seconds: number[] = [];
      const execs: number[] = [];
      const passes: number[] = [];
      const signatures = new Set<string>();
      let named = 0;
      for (const seed of own) {
        const out = `${folder}/out-${runs++}`;
        const settings = {
          ...common,
          model: model.path,
          seeds: model.seeds,
          ...SEARCHES[search],
          seed,
          out,
          untilFinding: true,
          ...(most === undefined ? { time } : { execs: most }),
        };
        const { statistics } = await campaign(settings);
        const first = statistics.faults.find((fault) => fault.kept > 0);
        if (first === undefined) continue;
        signatures.add(first.signature);
        if (first.signature.endsWith(`-${model.site}`)) named++;
        seconds.push(first.firstSeconds);
        execs.push(first.firstExecs);
        passes.push(statistics.forwardEquivalents);
      }
      const total = totals.get(search) ?? { found: 0, seconds: [], execs: [], passes: [] };
      totals.set(search, total);
      if (seconds.length === own.length) total.found++;
      total.seconds.push(...seconds);
      total.execs.push(...execs);
      total.passes.push(...passes);
      line({
        bench: 'numeric',
        model: model.name,
        ...(noise === undefined ? {} : { nonFiniteOnNoise: noise }),
        search,
        found: seconds.length,
        of: own.length,
        ...(most === undefined ? { time } : { mostExecs: most }),
        namedRightly: named,
        signatures: [...signatures],
        ...spreadOf('Seconds', seconds),
        ...spreadOf('Execs', execs),
        ...spreadOf('ForwardEquivalents', passes),
      });
    }
    if (options.twins === '0') continue;
    const out = `${folder}/out-${runs++}`;
    const settings = {
      ...common,
      model: model.twin,
      seeds: model.seeds,
      seed: '1',
      out,
      time: options.twins,
    };
    const { statistics: figures } = await campaign(settings);
    line({
      bench: 'numeric-twin',
      model: model.name,
      execs: figures.execs,
      found: figures.faults.length,
      sites: Object.fromEntries(
        figures.sites.map(({ site, status, margin }) => [site, status === 'open' ? margin : status]),
      ),
    });
  }
  for (const [search, { found, seconds, execs, passes }] of totals) {
    line({
      bench: 'numeric-all',
      search,
      models: models.length,
      foundByEverySeed: found,
      ...spreadOf('Seconds', seconds),
      ...spreadOf('Execs', execs),
      ...spreadOf('ForwardEquivalents', passes),
    });
  }
});
