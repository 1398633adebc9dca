/**
 * TensorFuzz's third experiment: how many of ten words that are rare in the training text a character model generates
 * when its prompts are mutated, and at which cost, by a search with gradients, by one with margins alone and by random search; and
 * whether it repeats a word.
 *
 * The words are fixed by a rule that does not depend on results: of the lower-case words of five letters or more that
 * occur in the text fewer than ten times (and at least --least times), those with the smallest SHA-256 with the salt,
 * except words that the model generates for a seed prompt. All searches have as many passes of the network, one for each token that
 * it reads, gradients counted by their measured price: the first search has --execs mutants, the others as many as that took.
 * Prints a JSON line for each campaign, and a summary.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BatchedModel } from '../src/model/batched-model.ts';
import { loadModel } from '../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../src/model/testcase-batch.ts';
import { campaign, line, median, withFolder } from './campaign.ts';
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

const PROMPTS = 'corpora/char-lm/prompts.txt';
const WORDS = 10;

const generate = {
  vocabulary: 'corpora/char-lm/vocabulary.json',
  length: Number(options.length),
  temperature: Number(options.temperature),
};

const words = await rareWords();
line({ bench: 'text', words, ...generate, execs: Number(options.execs) });

/** Settings of each search. */
const SEARCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gradients: { guidance: 'auto', gradients: 'auto' },
  margins: { guidance: 'auto', gradients: 'off' },
  control: { guidance: 'none' },
};

/** What a search has found within its passes. */
interface Word {
  readonly word: string;
  readonly execs: number;
  readonly passes: number;
  readonly seconds: number;
}

/** Mutants beyond those that should have as many passes: what is found with more passes does not count. */
const SPARE = 1.15;

await withFolder(async (folder) => {
  const list = join(folder, 'words.txt');
  await writeFile(list, `${words.join('\n')}\n`);
  const searches = options.searches.split(',');
  const found = new Map<string, Word[][]>(searches.map((search) => [search, []]));
  /** Passes for each mutant, as the last campaign of each search had them; at first those of a prompt and an answer. */
  const passesPerMutant = new Map<string, number>();
  const masterSeeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);
  for (const seed of tracked('text', 'campaign', masterSeeds)) {
    let budget: number | undefined;
    for (const search of searches) {
      const usual = passesPerMutant.get(search) ?? (search === 'control' ? 1.3 * generate.length : 40);
      const execs = budget === undefined ? Number(options.execs) : Math.ceil((SPARE * budget) / usual);
      const { statistics } = await campaign({
        model: options.model,
        seeds: PROMPTS,
        generate,
        objective: [`text:words,file=${list}`, 'text:repeated-word'],
        ...SEARCHES[search],
        coverage: options.coverage,
        measure: options.measure,
        execs,
        keep: 1,
        jobs: Number(options.jobs),
        seed: String(seed),
        out: join(folder, `${search}-${seed}`),
      });
      const perMutant = statistics.forwardEquivalents / statistics.execs;
      passesPerMutant.set(search, perMutant);
      budget ??= statistics.forwardEquivalents;
      const within = budget;
      const said = statistics.faults
        .filter(({ signature }) => signature.startsWith('text-words-'))
        .map(
          ({ signature, firstExecs, firstSeconds }): Word => ({
            word: signature.slice('text-words-'.length),
            execs: firstExecs,
            passes: Math.round(firstExecs * perMutant),
            seconds: Number(firstSeconds.toFixed(1)),
          }),
        )
        .filter(({ passes }) => passes <= within);
      const repeat = statistics.faults.find(({ signature }) => signature === 'text-repeated-word');
      found.get(search)?.push(said);
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

/** The ten words, chosen as described above. */
async function rareWords(): Promise<string[]> {
  const text = await readFile(options.data, 'utf8');
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(/[\p{L}'-]+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const hash = (word: string): string => createHash('sha256').update(`${options.salt} ${word}`).digest('hex');
  const rare = [...counts]
    .filter(([word, count]) => /^[a-z]{5,}$/.test(word) && count >= Number(options.least) && count <= 9)
    .map(([word]) => word)
    .sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
  const heard = await saidToSeeds();
  return rare.filter((word) => !heard.has(word)).slice(0, WORDS);
}

/** Words that a seed prompt contains, or that the model generates for one. */
async function saidToSeeds(): Promise<Set<string>> {
  const settings = { ...generate, seed: '1', start: [], end: [] };
  const model = await loadModel(options.model, { runtime: 'auto', generate: settings });
  const rows = new BatchedModel(model);
  const heard = new Set<string>();
  for (const prompt of (await readFile(PROMPTS, 'utf8')).split('\n').filter((prompt) => prompt !== '')) {
    const ids = Int32Array.from(model.capabilities.textGeneration?.tokenizer.encode(prompt) ?? []);
    const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [ids.length])]);
    const { texts = [] } = await rows.run({ form, inputs: [ids] }, 1, []);
    for (const [word] of `${prompt} ${texts[0].answer}`.matchAll(/[\p{L}'-]+/gu))
      heard.add(word.toLowerCase());
  }
  await model.dispose();
  return heard;
}
