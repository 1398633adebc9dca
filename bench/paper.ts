/**
 * The three experiments of TensorFuzz (Odena & Goodfellow, arXiv 1807.10875, section 4) beside the paper's figures: a NaN or infinity for
 * each of ten initialisations of a digit network, disagreements of a network and its float16 copy within L-infinity 0.4 of digits, and
 * listed words that a character model says. Each with coverage alone, with the default search, and by random search. Prints a JSON
 * line for each experiment and search, and a table.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { line, median, withFolder } from './campaign.ts';
import { mnist } from './digit-networks.ts';
import { firstFault, nanDigits, nanSettings } from './experiments/nan.ts';
import { quantizedPair, searchDigit } from './experiments/quantized.ts';
import { generation, rareWords, WordSearches, writeWords } from './experiments/words.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: 'nan,quantized,words' },
    /** Folder with MNIST. Without it the networks of the first experiment learn drawn digits, and the second is left out. */
    data: { type: 'string', default: '../shared/data/mnist' },
    text: { type: 'string', default: '../shared/data/tinyshakespeare.txt' },
    cache: { type: 'string', default: 'bench/.cache' },
    initialisations: { type: 'string', default: '10' },
    /** Networks of the first experiment learn drawn digits even if MNIST is there: a third of the training. */
    drawn: { type: 'boolean', default: false },
    /** Steps of their training; by default 35,000 on MNIST, as in TensorFuzz, and 10,000 on drawn digits. */
    steps: { type: 'string' },
    /** Most mutants of a search for a NaN. */
    'nan-execs': { type: 'string', default: '200000' },
    digits: { type: 'string', default: '20' },
    /** Mutants of a search around a digit. */
    'digit-execs': { type: 'string', default: '50000' },
    /** Mutants of the first search for words; the others have as many passes of the network. */
    'word-execs': { type: 'string', default: '20000' },
    least: { type: 'string', default: '1' },
  },
});

/** What the paper gives, by experiment and search. */
const PUBLISHED = {
  nan: { coverage: '10 of 10', random: '0 of 10' },
  quantized: { coverage: '70 %', random: '0 %' },
  words: { coverage: '6 of 10', random: '1 of 10' },
} as const;

/** TensorFuzz's code on such a model of MNIST, with five master seeds: bench/README.md. */
const TENSORFUZZ_RUN = '5 of 5, median 41,000 and worst 49,000 mutants';

type Search = 'coverage' | 'default' | 'random';

/** Settings of each search. Coverage alone is TensorFuzz's method. */
const SEARCHES: Readonly<Record<Search, Readonly<Record<string, unknown>>>> = {
  coverage: { guidance: 'ann' },
  default: {},
  random: { guidance: 'none' },
};

const SEARCH_NAMES: readonly Search[] = ['coverage', 'default', 'random'];

/** The figures of an experiment by search, as texts. */
type Figures = Readonly<Record<Search, string>>;

const formatted = (count: number): string => Math.round(count).toLocaleString('en-US');

/** A NaN or infinity for each initialisation, one master seed each; random search has as many mutants as the slowest by coverage. */
async function nanExperiment(folder: string): Promise<Figures> {
  const data = options.drawn || !existsSync(options.data) ? undefined : options.data;
  const count = Number(options.initialisations);
  const outcomes: Record<Search, { isFound: boolean; execs: number }[]> = {
    coverage: [],
    default: [],
    random: [],
  };
  let most = Number(options['nan-execs']);
  const networks: string[] = [];
  for (let i = 1; networks.length < count; i++) {
    const { steps } = options;
    const dataset = data === undefined ? 'drawn' : 'mnist';
    const cache = join(options.cache, [dataset, i, ...(steps === undefined ? [] : [steps])].join('-'));
    const network = await nanDigits(
      cache,
      data,
      `initialisation ${i}`,
      steps === undefined ? undefined : Number(steps),
    );
    const { fault } = await firstFault({ ...nanSettings(network), out: join(folder, `seeds-${i}`) }, 1);
    // The unsafe loss may end the training itself.
    if (fault?.firstExecs === 0)
      line({ bench: 'paper', experiment: 'nan', left: `initialisation ${i}`, why: 'NaN by training' });
    else networks.push(network);
  }
  for (const search of tracked('NaN', 'search', SEARCH_NAMES)) {
    for (const [i, network] of networks.entries()) {
      const settings = nanSettings(network);
      // The paper's mutations are Gaussian noise.
      const mutator = search === 'default' ? { label: 'none' } : { image: 'gaussian', label: 'none' };
      const { fault, statistics } = await firstFault(
        { ...settings, mutator, ...SEARCHES[search], seed: '1', out: join(folder, `${search}-${i}`) },
        most,
      );
      outcomes[search].push({ isFound: fault !== undefined, execs: fault?.firstExecs ?? statistics.execs });
    }
    if (search === 'coverage') most = Math.max(...outcomes.coverage.map(({ execs }) => execs));
    line({
      bench: 'paper',
      experiment: 'nan',
      dataset: data === undefined ? 'drawn digits' : 'MNIST',
      search,
      found: outcomes[search].filter(({ isFound }) => isFound).length,
      of: count,
      execs: outcomes[search].map(({ execs }) => execs),
    });
  }
  const figure = (search: Search): string => {
    const found = outcomes[search].filter(({ isFound }) => isFound);
    const execs = outcomes[search].map((outcome) => outcome.execs);
    const spent = `median ${formatted(median(execs))} and worst ${formatted(Math.max(...execs))} mutants`;
    return `${found.length} of ${count}, ${search === 'random' ? `${formatted(most)} mutants each` : spent}`;
  };
  return { coverage: figure('coverage'), default: figure('default'), random: figure('random') };
}

/** The share of held-out digits around which a dense network and its float16 copy disagree. */
async function quantizedExperiment(folder: string): Promise<Figures | undefined> {
  if (!existsSync(options.data)) return undefined;
  const pair = await quantizedPair('dense', 'float16', await mnist(options.data), options.cache, folder);
  const rows = pair.alike.slice(0, Number(options.digits));
  const execs = Number(options['digit-execs']);
  const figures: Partial<Record<Search, string>> = {};
  for (const search of tracked('quantized', 'search', SEARCH_NAMES)) {
    const passes: number[] = [];
    let found = 0;
    for (const row of rows) {
      const searched = await searchDigit(pair, row, SEARCHES[search], execs, folder);
      if (searched.isFound) found++;
      passes.push(searched.passes);
    }
    const share = Math.round((100 * found) / rows.length);
    line({
      bench: 'paper',
      experiment: 'quantized',
      search,
      digits: rows.length,
      found,
      mutantsEach: execs,
      medianPasses: median(passes),
    });
    figures[search] = `${share} % of ${rows.length} digits`;
  }
  const { coverage = '', default: usual = '', random = '' } = figures;
  return { coverage, default: usual, random };
}

/** Listed words that the character model says, with one master seed and as many passes of the network for each search. */
async function wordExperiment(folder: string): Promise<Figures | undefined> {
  if (!existsSync(options.text)) return undefined;
  const model = 'corpora/char-lm/char-lm.onnx';
  const generate = generation(64, 0.5);
  const choice = { data: options.text, model, salt: 'rare words', least: Number(options.least) };
  const words = await rareWords(choice, generate);
  const list = await writeWords(folder, words);
  const searches = new WordSearches(model, list, generate, Number(options['word-execs']));
  const figures: Partial<Record<Search, string>> = {};
  for (const search of tracked('words', 'search', SEARCH_NAMES)) {
    const { said, within, statistics } = await searches.run(search === 'random' ? 'control' : search, {
      ...SEARCHES[search],
      jobs: 2,
      seed: '1',
      out: join(folder, `words-${search}`),
    });
    line({
      bench: 'paper',
      experiment: 'words',
      search,
      said,
      of: words.length,
      passes: within,
      execs: statistics.execs,
    });
    figures[search] = `${said.length} of ${words.length}`;
  }
  const { coverage = '', default: usual = '', random = '' } = figures;
  return { coverage, default: usual, random };
}

const EXPERIMENTS = {
  nan: { title: 'NaN or infinity, initialisations', run: nanExperiment },
  quantized: { title: 'disagreement with the float16 copy within 0.4, digits', run: quantizedExperiment },
  words: { title: 'listed words said', run: wordExperiment },
} as const;

await withFolder(async (folder) => {
  const rows: string[][] = [];
  const names = options.only.split(',');
  const unknown = names.find((name) => !Object.hasOwn(EXPERIMENTS, name));
  if (unknown !== undefined)
    throw new Error(`no experiment ${unknown}: ${Object.keys(EXPERIMENTS).join(', ')}`);
  for (const name of names as (keyof typeof EXPERIMENTS)[]) {
    const { title, run } = EXPERIMENTS[name];
    const figures = await run(folder);
    if (figures === undefined) {
      process.stderr.write(
        `left out: ${title}: ${name === 'words' ? options.text : options.data} is not there\n`,
      );
      continue;
    }
    const { coverage, random } = PUBLISHED[name];
    rows.push([
      title,
      coverage,
      random,
      name === 'nan' ? TENSORFUZZ_RUN : 'not known',
      figures.coverage,
      figures.default,
      figures.random,
    ]);
  }
  const header = [
    'experiment',
    'paper',
    'paper, random',
    "TensorFuzz's code",
    'coverage alone',
    'default search',
    'random',
  ];
  const cells = [header, header.map(() => '---'), ...rows];
  process.stdout.write(`\n${cells.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`);
});
