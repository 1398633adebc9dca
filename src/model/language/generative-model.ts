import { createHash } from 'node:crypto';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { type DType, makeData, type Tensor, type TensorData } from '../../tensor/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Model, NamedTensor, RunResult } from '../model.ts';
import { DecodingSession } from './decoding-session.ts';
import {
  AFTER_PROMPT_PREFIX,
  ANSWER,
  type CandidateContinuation,
  type GenerationSettings,
  LOG_PROBS,
  NO_TOKEN,
  PROMPT,
  type TextGeneration,
} from './generation.ts';
import { bindInputs, type IoBinding } from './io-binding.ts';
import { Sampler } from './sampler.ts';
import { readTokenizer, type Tokenizer } from './tokenizer.ts';
import { CODEPOINTS } from './vocabulary.ts';

/** Nothing of the network itself is seen from outside: a run is many runs of it. */
const NO_GRAPH: Graph = {
  nodes: [],
  inputs: [PROMPT],
  outputs: [ANSWER, LOG_PROBS],
  constants: new Map(),
  values: new Map(),
  shapes: new Map(),
  types: new Map(),
};

/**
 * A model that goes on with texts, as one that takes prompts and gives answers: `prompt` int32 `[batch, length]`, of
 * which ids below 0 count as no token, `answer` int32 and `chosen` float32, both `[batch, settings.length]`.
 *
 * @param network takes tokens and gives logits for the next one, with or without a state that is passed round
 * @param stepped told after each run of the network
 * @throws UserError where it does not, or the vocabulary does not fit it
 */
export async function asGenerativeModel(
  network: Model,
  settings: GenerationSettings,
  stepped: () => void = () => {},
): Promise<Model> {
  const known = settings.vocabulary === CODEPOINTS ? undefined : await readTokenizer(settings.vocabulary);
  const wiring = await bindInputs(network, settings, known?.tokens.length);
  const language = known ?? (await readTokenizer(settings.vocabulary, wiring.vocabularySize));
  const author = new TextGenerator(network, wiring, language, settings, stepped);
  const { path, format, sha256, runtime } = network;
  return {
    path,
    format,
    sha256,
    runtime,
    inputs: [{ name: PROMPT, type: 'int32', shape: [null, null] }],
    outputs: [ANSWER, LOG_PROBS],
    graph: NO_GRAPH,
    watchable: [ANSWER, LOG_PROBS, ...author.watchable],
    generation: author,
    run: ([prompts], watched) => author.run(prompts, watched),
    constant: () => undefined,
    dispose: () => network.dispose(),
  };
}

/** Rows whose texts were gone on with together, and where they stood behind their prompts. */
interface RowGroup {
  readonly rows: readonly number[];
  readonly session: DecodingSession;
}

/** What was watched of a run, row by row. */
interface WatchedValues {
  /** Of each watched tensor the rows' values, once the first are known. */
  readonly byTensor: Map<string, { data: TensorData; readonly size: number }>;
  readonly rows: number;
}

/** What a run has to say. */
interface GeneratedBatch extends WatchedValues {
  readonly answer: Int32Array;
  readonly logProbs: Float32Array;
}

class TextGenerator implements TextGeneration {
  readonly tokenizer: Tokenizer;
  readonly maxTokens: number;
  readonly vocabularySize: number;
  generatedTokens = 0;
  readonly sha256: string;
  readonly description: string;
  readonly defaultCoverage: TextGeneration['defaultCoverage'];
  readonly #network: Model;
  readonly #onStep: () => void;
  readonly #binding: IoBinding;
  readonly #sampler: Sampler;
  readonly #startTokens: readonly number[];
  readonly #endTokens: ReadonlySet<number>;

  constructor(
    network: Model,
    wiring: IoBinding,
    language: Tokenizer,
    settings: GenerationSettings,
    stepped: () => void,
  ) {
    const { length, temperature, topK, seed } = settings;
    this.tokenizer = language;
    this.maxTokens = length;
    this.vocabularySize = wiring.vocabularySize;
    this.#network = network;
    this.#onStep = stepped;
    this.#binding = wiring;
    this.#sampler = new Sampler({ temperature, topK: topK ?? wiring.vocabularySize, seed });
    this.#startTokens = settings.start.map((token) =>
      tokenIdOf(token, language, wiring.vocabularySize, 'start'),
    );
    this.#endTokens = new Set(
      settings.end.map((token) => tokenIdOf(token, language, wiring.vocabularySize, 'end')),
    );
    const { vocabulary: _path, ...how } = settings;
    this.sha256 = createHash('sha256')
      .update(JSON.stringify([how, language.sha256]))
      .digest('hex');
    this.description = [
      {
        recurrent: 'a state passed round',
        cached: 'a cache passed round',
        window: 'the text so far given anew for each token',
      }[wiring.mode],
      temperature === 0
        ? 'the likeliest token taken'
        : `tokens drawn at temperature ${temperature}${topK === undefined ? '' : ` of the ${topK} likeliest`}`,
      `up to ${length} of ${wiring.vocabularySize} tokens`,
    ].join(', ');
    const state = this.#stateOutputs.at(-1);
    this.defaultCoverage =
      state === undefined || wiring.mode !== 'recurrent'
        ? { tensor: `${AFTER_PROMPT_PREFIX}${wiring.logits}`, why: 'the logits after the prompt' }
        : { tensor: `${AFTER_PROMPT_PREFIX}${state}`, why: 'the state that the prompt leaves' };
  }

  get #stateOutputs(): string[] {
    return this.#binding.inputs.flatMap((plug) => (plug.kind === 'state' ? [plug.output] : []));
  }

  /** What can be watched beside the answers: what the network gives, and within it what it computes. */
  get watchable(): string[] {
    const own = [...this.#stateOutputs, this.#binding.logits];
    const inner = this.#network.watchable.filter((name) => !this.#network.outputs.includes(name));
    return [
      ...own.map((name) => `${AFTER_PROMPT_PREFIX}${name}`),
      ...own,
      ...inner.map((name) => `${AFTER_PROMPT_PREFIX}${name}`),
    ];
  }

  async run(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const [rows] = prompts.shape;
    const answer = new Int32Array(rows * this.maxTokens).fill(NO_TOKEN);
    const written: GeneratedBatch = {
      answer,
      logProbs: new Float32Array(answer.length),
      byTensor: new Map(),
      rows,
    };
    const groups: RowGroup[] = [];
    for await (const { group, texts } of this.#prefillGroups(prompts)) {
      groups.push({ ...group, session: group.session.fork() });
      await this.#generate(group, texts, watched, written);
    }
    const shape = [rows, this.maxTokens];
    const outputs: readonly NamedTensor[] = [
      { name: ANSWER, type: 'int32', shape, data: answer },
      { name: LOG_PROBS, type: 'float32', shape, data: written.logProbs },
    ];
    const activations = watched.map(
      (name) => outputs.find((output) => output.name === name) ?? watchedTensor(name, written),
    );
    return { outputs, activations, prefillState: groups };
  }

  async prefill(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const noted: WatchedValues = { byTensor: new Map(), rows: prompts.shape[0] };
    const groups: RowGroup[] = [];
    for await (const { group } of this.#prefillGroups(prompts)) {
      groups.push(group);
      await this.#recordWatched(group.session, group.rows, indicesOf(group.rows), watched, noted);
    }
    return {
      outputs: [],
      activations: watched.map((name) => watchedTensor(name, noted)),
      prefillState: groups,
    };
  }

  /** Has the network take in prompts, those together that go on together; texts are those of all rows. */
  async *#prefillGroups({ data, shape: [rows, width] }: Tensor) {
    const texts = Array.from({ length: rows }, (_, row) =>
      this.#withStartTokens((data as Int32Array).subarray(row * width, (row + 1) * width)),
    );
    for (const own of this.#groupRows(texts)) {
      const prompts = own.map((row) => texts[row]);
      const course = await DecodingSession.open(this.#network, this.#binding, prompts, this.#onStep);
      yield { group: { rows: own, session: course } satisfies RowGroup, texts };
    }
  }

  async scoreContinuations(
    prompted: unknown,
    wanted: readonly (CandidateContinuation | undefined)[],
  ): Promise<Float64Array> {
    const shares = new Float64Array(wanted.length).fill(Number.NaN);
    for (const { rows, session: behind } of prompted as readonly RowGroup[]) {
      let places = rows.flatMap((row, place) => (wanted[row] === undefined ? [] : [place]));
      if (places.length === 0) continue;
      const course = behind.fork();
      for (const place of places) shares[rows[place]] = 0;
      // Logits are at hand for where all stand; what is kept of the rows has to be run again.
      let at = places;
      let logits = course.logits;
      for (let step = 0; ; step++) {
        const left: number[] = [];
        places.forEach((place, i) => {
          const row = rows[place];
          const {
            ids,
            scoredFrom,
            followedBy,
            minLogProb = Number.NEGATIVE_INFINITY,
          } = wanted[row] as CandidateContinuation;
          const isTold = step < ids.length;
          if (isTold ? step >= scoredFrom : followedBy !== undefined)
            shares[row] += this.#sampler.logProbOfSet(
              logits,
              at[i],
              this.#binding.vocabularySize,
              isTold ? (id) => id === ids[step] : (followedBy as (id: number) => boolean),
            );
          this.generatedTokens++;
          if (shares[row] < minLogProb) shares[row] = Number.NaN;
          else if (step + 1 < ids.length + (followedBy === undefined ? 0 : 1)) left.push(i);
        });
        if (left.length === 0) break;
        course.selectRows(step === 0 ? left.map((i) => places[i]) : left);
        places = left.map((i) => places[i]);
        await course.step(
          Int32Array.from(places, (place) => (wanted[rows[place]] as CandidateContinuation).ids[step]),
        );
        logits = course.logits;
        at = places.map((_, i) => i);
      }
    }
    return shares;
  }

  /** A prompt's tokens behind those that begin every one. */
  #withStartTokens(prompt: Int32Array): Int32Array {
    const { vocabularySize } = this.#binding;
    const own = prompt.filter((id) => id >= 0);
    const unknown = own.find((id) => id >= vocabularySize);
    if (unknown !== undefined)
      throw new Error(`the prompt holds token ${unknown}, and the model knows ${vocabularySize}`);
    if (own.length + this.#startTokens.length === 0) throw new Error('the prompt holds no token');
    return Int32Array.from([...this.#startTokens, ...own]);
  }

  /** Rows that are gone on with together. */
  #groupRows(texts: readonly Int32Array[]): readonly (readonly number[])[] {
    const rows = texts.map((_, row) => row);
    if (!this.#binding.isBatched) return rows.map((row) => [row]);
    if (this.#binding.mode === 'recurrent') return [rows];
    if (this.#binding.windowLength !== undefined && this.#binding.windowLength > 1) return [rows];
    const byLength = new Map<number, number[]>();
    for (const row of rows) {
      const { length } = texts[row];
      const same = byLength.get(length);
      if (same === undefined) byLength.set(length, [row]);
      else same.push(row);
    }
    return [...byLength.values()];
  }

  /** Goes on with some rows to their ends. */
  async #generate(
    { session, rows: own }: RowGroup,
    texts: readonly Int32Array[],
    watched: readonly string[],
    written: GeneratedBatch,
  ): Promise<void> {
    const { maxTokens } = this;
    const { vocabularySize } = this.#binding;
    await this.#recordWatched(session, own, indicesOf(own), watched.filter(isAfterPrompt), written);
    const atEnd = watched.filter((name) => !isAfterPrompt(name) && name !== ANSWER && name !== LOG_PROBS);
    let rows = own;
    const draws = new Map(own.map((row) => [row, this.#sampler.randomFor(texts[row])]));
    for (let step = 0; ; step++) {
      const { logits } = session;
      const tokens = new Int32Array(rows.length);
      const left: number[] = [];
      const ended: number[] = [];
      rows.forEach((row, place) => {
        const token = this.#sampler.sample(logits, place, vocabularySize, draws.get(row));
        tokens[place] = token;
        this.generatedTokens++;
        const isEnd = this.#endTokens.has(token);
        if (!isEnd) {
          written.answer[row * maxTokens + step] = token;
          written.logProbs[row * maxTokens + step] = this.#sampler.logProb;
        }
        (isEnd || step + 1 === maxTokens ? ended : left).push(place);
      });
      if (ended.length > 0)
        await this.#recordWatched(
          session,
          ended.map((place) => rows[place]),
          ended,
          atEnd,
          written,
        );
      if (left.length === 0) return;
      if (left.length < rows.length) {
        session.selectRows(left);
        rows = left.map((place) => rows[place]);
      }
      await session.step(
        left.length < tokens.length ? Int32Array.from(left, (place) => tokens[place]) : tokens,
      );
    }
  }

  /** Takes note of what is watched at some places of a course. */
  async #recordWatched(
    course: DecodingSession,
    rows: readonly number[],
    places: readonly number[],
    watched: readonly string[],
    { byTensor, rows: all }: WatchedValues,
  ): Promise<void> {
    const own = new Set([...this.#stateOutputs, this.#binding.logits]);
    const bare = watched.map((name) => (isAfterPrompt(name) ? name.slice(AFTER_PROMPT_PREFIX.length) : name));
    const inner = bare.filter((name) => !own.has(name));
    const looked = inner.length === 0 ? [] : await course.watch(inner);
    watched.forEach((name, i) => {
      const given = own.has(bare[i]) ? course.output(bare[i]) : looked[inner.indexOf(bare[i])];
      const isWhole = given instanceof BigInt64Array || given instanceof BigUint64Array;
      const values = isWhole ? Float32Array.from(given as BigInt64Array, Number) : given;
      const size = values.length / course.rows;
      let room = byTensor.get(name);
      if (room === undefined) {
        room = { data: makeData(floatTypeOf(values), all * size), size };
        byTensor.set(name, room);
      }
      const { data } = room;
      places.forEach((place, k) => {
        (data as Float32Array).set(
          (values as Float32Array).subarray(place * size, (place + 1) * size),
          rows[k] * size,
        );
      });
    });
  }
}

/** A watched tensor as it was seen. */
function watchedTensor(name: string, { byTensor, rows }: WatchedValues): NamedTensor {
  const { data, size } = byTensor.get(name) as { data: TensorData; size: number };
  return { name, type: floatTypeOf(data), shape: [rows, size], data };
}

function floatTypeOf(data: TensorData): DType {
  return data instanceof Uint16Array ? 'float16' : data instanceof Float64Array ? 'float64' : 'float32';
}

/** The places of all rows of a group. */
function indicesOf(rows: readonly number[]): number[] {
  return rows.map((_, place) => place);
}

function isAfterPrompt(name: string): boolean {
  return name.startsWith(AFTER_PROMPT_PREFIX);
}

/** @throws UserError where the language has no such token */
function tokenIdOf(token: number | string, language: Tokenizer, size: number, what: string): number {
  const id = typeof token === 'number' ? token : language.idOf(token);
  if (id !== undefined && id >= 0 && id < size) return id;
  const known = language.tokens.filter((one) => one !== null);
  const hint = typeof token === 'number' ? `there are ${size}` : suggestName(token, known);
  throw new UserError(`generate: ${what}: the vocabulary has no token ${JSON.stringify(token)}: ${hint}`);
}
