/**
 * TensorFuzz's third experiment: how many of ten words that are rare in the training text a character model generates
 * when its prompts are mutated, and at which cost, by a search with gradients, by one with margins alone and by random search; and
 * whether it repeats a word.
 *
 * All searches have as many passes of the network, one for each token that it reads, gradients counted by their measured price: the first
 * search has --execs mutants, the others as many as that took. Prints a JSON line for each campaign, and a summary.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { line, median, withFolder } from './campaign.ts';
import { generation, rareWords, type Word, WordSearches, writeWords } from './experiments/words.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/tinyshakespeare.txt' },
    model: { type: 'string', default: 'corpora/char-lm/char-lm.onnx' },
    execs: { type: 'string', default: '160000' },
    seeds: { type: 'string', default: '5' },
    temperature: { type: 'string', default: '0.5' },
    length: { type: 'string', default: '64' },
    salt: { type: 'string', default: 'rare words' },
    least: { type: 'string', default: '1' },
    searches: { type: 'string', default: 'gradients,margins,control' },
    coverage: { type: 'string', default: 'auto' },
    measure: { type: 'string', default: 'norm' },
    jobs: { type: 'string', default: '2' },
  },
});

const generate = generation(Number(options.length), Number(options.temperature));
const words = await rareWords({ ...options, least: Number(options.least) }, generate);
line({ bench: 'text', words, ...generate, execs: Number(options.execs) });

/** Settings of each search. */
const SEARCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gradients: { guidance: 'auto', gradients: 'auto' },
  margins: { guidance: 'auto', gradients: 'off' },
  control: { guidance: 'none' },
};

await withFolder(async (folder) => {
  const list = await writeWords(folder, words);
  const wordSearches = new WordSearches(options.model, list, generate, Number(options.execs));
  const searches = options.searches.split(',');
  const found = new Map<string, Word[][]>(searches.map((search) => [search, []]));
  const masterSeeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);
  for (const seed of tracked('text', 'campaign', masterSeeds)) {
    wordSearches.beginSeed();
    for (const search of searches) {
      const { said, repeat, within, statistics } = await wordSearches.run(search, {
        ...SEARCHES[search],
        coverage: options.coverage,
        measure: options.measure,
        jobs: Number(options.jobs),
        seed: String(seed),
        out: join(folder, `${search}-${seed}`),
      });
      found.get(search)?.push([...said]);
      line({
        bench: 'text',
        search,
        seed,
        found: said.length,
        said,
        repeat: repeat && { execs: repeat.firstExecs, seconds: Number(repeat.firstSeconds.toFixed(2)) },
        execs: statistics.execs,
        passes: statistics.forwardEquivalents,
        within,
        gradients: statistics.gradients,
        looked: statistics.looked,
        characters: statistics.spoken,
        corpus: statistics.corpus,
        seconds: Number(statistics.elapsedSeconds.toFixed(1)),
      });
    }
  }
  const control = median((found.get('control') ?? []).map(({ length }) => length));
  for (const [search, bySeed] of found) {
    const all = bySeed.flat();
    const spread = (key: 'execs' | 'passes' | 'seconds') =>
      all.length === 0
        ? undefined
        : { median: median(all.map((word) => word[key])), worst: Math.max(...all.map((word) => word[key])) };
    const counts = bySeed.map(({ length }) => length);
    line({
      bench: 'text',
      search,
      words: { median: median(counts), worst: Math.min(...counts), total: all.length },
      ratio: search !== 'control' && control > 0 ? Number((median(counts) / control).toFixed(2)) : undefined,
      execs: spread('execs'),
      passes: spread('passes'),
      seconds: spread('seconds'),
    });
  }
});
