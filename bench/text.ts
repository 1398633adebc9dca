/**
 * TensorFuzz's third experiment: how many of ten words that are rare in the training text a character model generates
 * when its prompts are mutated, and at which cost, with guidance and with random search; and whether it repeats a
 * word.
 *
 * The words are fixed by a rule that does not depend on results: of the lower-case words of five letters or more that
 * occur in the text fewer than ten times (and at least --least times), those with the smallest SHA-256 with the salt,
 * except words that the model generates for a seed prompt. Both searches generate as many characters, including those
 * scored by lookahead. Prints a JSON line for each campaign, and a summary.
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
    searches: { type: 'string', default: 'auto,none' },
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

await withFolder(async (folder) => {
  const list = join(folder, 'words.txt');
  await writeFile(list, `${words.join('\n')}\n`);
  const found: Record<string, number[]> = {};
  const masterSeeds = Array.from({ length: Number(options.seeds) }, (_, i) => i + 1);
  for (const seed of tracked('text', 'campaign', masterSeeds)) {
    let characters = 0;
    for (const guidance of options.searches.split(',')) {
      // Random search generates as many characters as the guided search did with this seed.
      const execs =
        guidance === 'none' && characters > 0
          ? Math.ceil(characters / generate.length)
          : Number(options.execs);
      const { statistics } = await campaign({
        model: options.model,
        seeds: PROMPTS,
        generate,
        objective: [`text:words,file=${list}`, 'text:repeated-word'],
        guidance,
        coverage: options.coverage,
        measure: options.measure,
        execs,
        keep: 1,
        jobs: Number(options.jobs),
        seed: String(seed),
        out: join(folder, `${guidance}-${seed}`),
      });
      if (guidance !== 'none') characters = statistics.spoken;
      const said = statistics.faults
        .filter(({ signature }) => signature.startsWith('text-words-'))
        .map(({ signature, firstExecs, firstSeconds }) => ({
          word: signature.slice('text-words-'.length),
          execs: firstExecs,
          seconds: Number(firstSeconds.toFixed(1)),
        }));
      const repeat = statistics.faults.find(({ signature }) => signature === 'text-repeated-word');
      found[guidance] = [...(found[guidance] ?? []), said.length];
      line({
        bench: 'text',
        guidance,
        seed,
        found: said.length,
        said,
        repeat: repeat && { execs: repeat.firstExecs, seconds: Number(repeat.firstSeconds.toFixed(2)) },
        execs: statistics.execs,
        looked: statistics.looked,
        characters: statistics.spoken,
        corpus: statistics.corpus,
        seconds: Number(statistics.elapsedSeconds.toFixed(1)),
      });
    }
  }
  const medians = Object.fromEntries(
    Object.entries(found).map(([guidance, counts]) => [guidance, median(counts)]),
  );
  line({
    bench: 'text',
    medians,
    ratio: medians.none > 0 ? Number((medians.auto / medians.none).toFixed(2)) : undefined,
  });
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
