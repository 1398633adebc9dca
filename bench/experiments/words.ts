import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Statistics } from '../../src/campaign/monitor/statistics.ts';
import { BatchedModel } from '../../src/model/batched-model.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { makeTestcaseInput, shapeSignatureOf } from '../../src/model/testcase-batch.ts';
import { campaign } from '../campaign.ts';

const PROMPTS = 'corpora/char-lm/prompts.txt';
const WORDS = 10;

/** Mutants beyond those that should have as many passes: what is found with more passes does not count. */
const SPARE = 1.15;

export interface Generation {
  readonly vocabulary: string;
  readonly length: number;
  readonly temperature: number;
}

export function generation(length: number, temperature: number): Generation {
  return { vocabulary: 'corpora/char-lm/vocabulary.json', length, temperature };
}

/** How words are chosen. */
export interface WordChoice {
  /** The training text. */
  readonly data: string;
  readonly model: string;
  readonly salt: string;
  /** How often a word occurs in the text at least. */
  readonly least: number;
}

/** A word that a search has found within its passes. */
export interface Word {
  readonly word: string;
  readonly execs: number;
  readonly passes: number;
  readonly seconds: number;
}

/** What a search has found within as many passes as the first one had. */
export interface WordSearch {
  readonly said: readonly Word[];
  /** The fault of a repeated word; undefined if there is none. */
  readonly repeat: Statistics['faults'][number] | undefined;
  readonly within: number;
  readonly statistics: Statistics;
}

/** A campaign for words; the first one of a seed has `execs` mutants, the others as many passes of the network. */
export class WordSearches {
  readonly #settings: Readonly<Record<string, unknown>>;
  readonly #length: number;
  readonly #execs: number;
  /** Passes for each mutant, as the last campaign of each search had them; at first those of a prompt and an answer. */
  readonly #passesPerMutant = new Map<string, number>();
  #budget: number | undefined;

  /** @param list file with the words */
  constructor(model: string, list: string, generate: Generation, execs: number) {
    this.#settings = {
      model,
      seeds: PROMPTS,
      generate,
      objective: [`text:words,file=${list}`, 'text:repeated-word'],
      keep: 1,
    };
    this.#length = generate.length;
    this.#execs = execs;
  }

  /** Begins another seed: its first search sets the passes of the others. */
  beginSeed(): void {
    this.#budget = undefined;
  }

  async run(search: string, settings: Readonly<Record<string, unknown>>): Promise<WordSearch> {
    const usual = this.#passesPerMutant.get(search) ?? (search === 'control' ? 1.3 * this.#length : 40);
    const execs = this.#budget === undefined ? this.#execs : Math.ceil((SPARE * this.#budget) / usual);
    const { statistics } = await campaign({ ...this.#settings, ...settings, execs });
    const perMutant = statistics.forwardEquivalents / statistics.execs;
    this.#passesPerMutant.set(search, perMutant);
    this.#budget ??= statistics.forwardEquivalents;
    const within = this.#budget;
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
    return { said, repeat, within, statistics };
  }
}

/** Writes a list of words as the objective reads it; returns its path. */
export async function writeWords(folder: string, words: readonly string[]): Promise<string> {
  const list = join(folder, 'words.txt');
  await writeFile(list, `${words.join('\n')}\n`);
  return list;
}

/**
 * Ten words by a rule that does not depend on results: of the lower-case words of five letters or more that occur in the text fewer than
 * ten times, and at least `least` times, those with the smallest SHA-256 with the salt, except words that the model generates for a
 * seed prompt.
 */
export async function rareWords(
  { data, model, salt, least }: WordChoice,
  generate: Generation,
): Promise<string[]> {
  const text = await readFile(data, 'utf8');
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(/[\p{L}'-]+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const hash = (word: string): string => createHash('sha256').update(`${salt} ${word}`).digest('hex');
  const rare = [...counts]
    .filter(([word, count]) => /^[a-z]{5,}$/.test(word) && count >= least && count <= 9)
    .map(([word]) => word)
    .sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
  const heard = await saidToSeeds(model, generate);
  return rare.filter((word) => !heard.has(word)).slice(0, WORDS);
}

/** Words that a seed prompt contains, or that the model generates for one. */
async function saidToSeeds(path: string, generate: Generation): Promise<Set<string>> {
  const settings = { ...generate, seed: '1', start: [], end: [] };
  const model = await loadModel(path, { runtime: 'auto', generate: settings });
  const rows = new BatchedModel(model);
  const heard = new Set<string>();
  for (const prompt of (await readFile(PROMPTS, 'utf8')).split('\n').filter((line) => line !== '')) {
    const ids = Int32Array.from(model.capabilities.textGeneration?.tokenizer.encode(prompt) ?? []);
    const form = shapeSignatureOf([makeTestcaseInput(model.inputs[0], [ids.length])]);
    const { texts = [] } = await rows.run({ form, inputs: [ids] }, 1, []);
    for (const [word] of `${prompt} ${texts[0].answer}`.matchAll(/[\p{L}'-]+/gu))
      heard.add(word.toLowerCase());
  }
  await model.dispose();
  return heard;
}
