import { createHash } from 'node:crypto';
import { suggestion } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import { type DType, makeData, type Tensor, type TensorData } from '../../tensor/tensor.ts';
import type { Graph } from '../graph/graph.ts';
import type { Model, NamedTensor, RunResult } from '../model.ts';
import { Course } from './decoding-session.ts';
import {
  AFTER_PROMPT,
  ANSWER,
  CHOSEN,
  type Continuation,
  type Generation,
  type GenerationSettings,
  NO_TOKEN,
  PROMPT,
} from './generation.ts';
import { type Wiring, wire } from './io-binding.ts';
import { Decoder } from './sampler.ts';
import { type Language, readLanguage } from './tokenizer.ts';
import { CODEPOINTS } from './vocabulary.ts';

/** Nothing of the network itself is seen from outside: a run is many runs of it. */
const NO_GRAPH: Graph = {
  nodes: [],
  inputs: [PROMPT],
  outputs: [ANSWER, CHOSEN],
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
export async function generating(
  network: Model,
  settings: GenerationSettings,
  stepped: () => void = () => {},
): Promise<Model> {
  const known = settings.vocabulary === CODEPOINTS ? undefined : await readLanguage(settings.vocabulary);
  const wiring = await wire(network, settings, known?.tokens.length);
  const language = known ?? (await readLanguage(settings.vocabulary, wiring.size));
  const author = new Author(network, wiring, language, settings, stepped);
  const { path, format, sha256, runtime } = network;
  return {
    path,
    format,
    sha256,
    runtime,
    inputs: [{ name: PROMPT, type: 'int32', shape: [null, null] }],
    outputs: [ANSWER, CHOSEN],
    graph: NO_GRAPH,
    watchable: [ANSWER, CHOSEN, ...author.watchable],
    generation: author,
    run: ([prompts], watched) => author.run(prompts, watched),
    constant: () => undefined,
    dispose: () => network.dispose(),
  };
}

/** Rows whose texts were gone on with together, and where they stood behind their prompts. */
interface Group {
  readonly rows: readonly number[];
  readonly course: Course;
}

/** What was watched of a run, row by row. */
interface Noted {
  /** Of each watched tensor the rows' values, once the first are known. */
  readonly seen: Map<string, { data: TensorData; readonly size: number }>;
  readonly rows: number;
}

/** What a run has to say. */
interface Written extends Noted {
  readonly answer: Int32Array;
  readonly chosen: Float32Array;
}

class Author implements Generation {
  readonly language: Language;
  readonly length: number;
  readonly size: number;
  spoken = 0;
  readonly sha256: string;
  readonly what: string;
  readonly telling: Generation['telling'];
  readonly #network: Model;
  readonly #stepped: () => void;
  readonly #wiring: Wiring;
  readonly #decoder: Decoder;
  readonly #start: readonly number[];
  readonly #end: ReadonlySet<number>;

  constructor(
    network: Model,
    wiring: Wiring,
    language: Language,
    settings: GenerationSettings,
    stepped: () => void,
  ) {
    const { length, temperature, topK, seed } = settings;
    this.language = language;
    this.length = length;
    this.size = wiring.size;
    this.#network = network;
    this.#stepped = stepped;
    this.#wiring = wiring;
    this.#decoder = new Decoder({ temperature, topK: topK ?? wiring.size, seed });
    this.#start = settings.start.map((token) => idOf(token, language, wiring.size, 'start'));
    this.#end = new Set(settings.end.map((token) => idOf(token, language, wiring.size, 'end')));
    const { vocabulary: _path, ...how } = settings;
    this.sha256 = createHash('sha256')
      .update(JSON.stringify([how, language.sha256]))
      .digest('hex');
    this.what = [
      {
        recurrent: 'a state passed round',
        cached: 'a cache passed round',
        window: 'the text so far given anew for each token',
      }[wiring.mode],
      temperature === 0
        ? 'the likeliest token taken'
        : `tokens drawn at temperature ${temperature}${topK === undefined ? '' : ` of the ${topK} likeliest`}`,
      `up to ${length} of ${wiring.size} tokens`,
    ].join(', ');
    const state = this.#states.at(-1);
    this.telling =
      state === undefined || wiring.mode !== 'recurrent'
        ? { tensor: `${AFTER_PROMPT}${wiring.logits}`, why: 'the logits after the prompt' }
        : { tensor: `${AFTER_PROMPT}${state}`, why: 'the state that the prompt leaves' };
  }

  get #states(): string[] {
    return this.#wiring.plugs.flatMap((plug) => (plug.kind === 'state' ? [plug.output] : []));
  }

  /** What can be watched beside the answers: what the network gives, and within it what it computes. */
  get watchable(): string[] {
    const own = [...this.#states, this.#wiring.logits];
    const inner = this.#network.watchable.filter((name) => !this.#network.outputs.includes(name));
    return [
      ...own.map((name) => `${AFTER_PROMPT}${name}`),
      ...own,
      ...inner.map((name) => `${AFTER_PROMPT}${name}`),
    ];
  }

  async run(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const [rows] = prompts.shape;
    const answer = new Int32Array(rows * this.length).fill(NO_TOKEN);
    const written: Written = { answer, chosen: new Float32Array(answer.length), seen: new Map(), rows };
    const groups: Group[] = [];
    for await (const { group, texts } of this.#opened(prompts)) {
      groups.push({ ...group, course: group.course.fork() });
      await this.#write(group, texts, watched, written);
    }
    const shape = [rows, this.length];
    const outputs: readonly NamedTensor[] = [
      { name: ANSWER, type: 'int32', shape, data: answer },
      { name: CHOSEN, type: 'float32', shape, data: written.chosen },
    ];
    const activations = watched.map(
      (name) => outputs.find((output) => output.name === name) ?? seenTensor(name, written),
    );
    return { outputs, activations, prompted: groups };
  }

  async look(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const noted: Noted = { seen: new Map(), rows: prompts.shape[0] };
    const groups: Group[] = [];
    for await (const { group } of this.#opened(prompts)) {
      groups.push(group);
      await this.#see(group.course, group.rows, allOf(group.rows), watched, noted);
    }
    return { outputs: [], activations: watched.map((name) => seenTensor(name, noted)), prompted: groups };
  }

  /** Has the network take in prompts, those together that go on together; texts are those of all rows. */
  async *#opened({ data, shape: [rows, width] }: Tensor) {
    const texts = Array.from({ length: rows }, (_, row) =>
      this.#textOf((data as Int32Array).subarray(row * width, (row + 1) * width)),
    );
    for (const own of this.#together(texts)) {
      const prompts = own.map((row) => texts[row]);
      const course = await Course.open(this.#network, this.#wiring, prompts, this.#stepped);
      yield { group: { rows: own, course } satisfies Group, texts };
    }
  }

  async follow(prompted: unknown, wanted: readonly (Continuation | undefined)[]): Promise<Float64Array> {
    const shares = new Float64Array(wanted.length).fill(Number.NaN);
    for (const { rows, course: behind } of prompted as readonly Group[]) {
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
          const { ids, from, before, least = Number.NEGATIVE_INFINITY } = wanted[row] as Continuation;
          const isTold = step < ids.length;
          if (isTold ? step >= from : before !== undefined)
            shares[row] += this.#decoder.logSum(
              logits,
              at[i],
              this.#wiring.size,
              isTold ? (id) => id === ids[step] : (before as (id: number) => boolean),
            );
          this.spoken++;
          if (shares[row] < least) shares[row] = Number.NaN;
          else if (step + 1 < ids.length + (before === undefined ? 0 : 1)) left.push(i);
        });
        if (left.length === 0) break;
        course.keep(step === 0 ? left.map((i) => places[i]) : left);
        places = left.map((i) => places[i]);
        await course.step(
          Int32Array.from(places, (place) => (wanted[rows[place]] as Continuation).ids[step]),
        );
        logits = course.logits;
        at = places.map((_, i) => i);
      }
    }
    return shares;
  }

  /** A prompt's tokens behind those that begin every one. */
  #textOf(prompt: Int32Array): Int32Array {
    const { size } = this.#wiring;
    const own = prompt.filter((id) => id >= 0);
    const unknown = own.find((id) => id >= size);
    if (unknown !== undefined)
      throw new Error(`the prompt holds token ${unknown}, and the model knows ${size}`);
    if (own.length + this.#start.length === 0) throw new Error('the prompt holds no token');
    return Int32Array.from([...this.#start, ...own]);
  }

  /** Rows that are gone on with together. */
  #together(texts: readonly Int32Array[]): readonly (readonly number[])[] {
    const rows = texts.map((_, row) => row);
    if (!this.#wiring.batched) return rows.map((row) => [row]);
    if (this.#wiring.mode === 'recurrent') return [rows];
    if (this.#wiring.window !== undefined && this.#wiring.window > 1) return [rows];
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
  async #write(
    { course, rows: own }: Group,
    texts: readonly Int32Array[],
    watched: readonly string[],
    written: Written,
  ): Promise<void> {
    const { length } = this;
    const { size } = this.#wiring;
    await this.#see(course, own, allOf(own), watched.filter(isAfterPrompt), written);
    const atEnd = watched.filter((name) => !isAfterPrompt(name) && name !== ANSWER && name !== CHOSEN);
    let rows = own;
    const draws = new Map(own.map((row) => [row, this.#decoder.draws(texts[row])]));
    for (let step = 0; ; step++) {
      const { logits } = course;
      const tokens = new Int32Array(rows.length);
      const left: number[] = [];
      const ended: number[] = [];
      rows.forEach((row, place) => {
        const token = this.#decoder.take(logits, place, size, draws.get(row));
        tokens[place] = token;
        this.spoken++;
        const isEnd = this.#end.has(token);
        if (!isEnd) {
          written.answer[row * length + step] = token;
          written.chosen[row * length + step] = this.#decoder.logShare;
        }
        (isEnd || step + 1 === length ? ended : left).push(place);
      });
      if (ended.length > 0)
        await this.#see(
          course,
          ended.map((place) => rows[place]),
          ended,
          atEnd,
          written,
        );
      if (left.length === 0) return;
      if (left.length < rows.length) {
        course.keep(left);
        rows = left.map((place) => rows[place]);
      }
      await course.step(
        left.length < tokens.length ? Int32Array.from(left, (place) => tokens[place]) : tokens,
      );
    }
  }

  /** Takes note of what is watched at some places of a course. */
  async #see(
    course: Course,
    rows: readonly number[],
    places: readonly number[],
    watched: readonly string[],
    { seen, rows: all }: Noted,
  ): Promise<void> {
    const own = new Set([...this.#states, this.#wiring.logits]);
    const bare = watched.map((name) => (isAfterPrompt(name) ? name.slice(AFTER_PROMPT.length) : name));
    const inner = bare.filter((name) => !own.has(name));
    const looked = inner.length === 0 ? [] : await course.watch(inner);
    watched.forEach((name, i) => {
      const given = own.has(bare[i]) ? course.output(bare[i]) : looked[inner.indexOf(bare[i])];
      const isWhole = given instanceof BigInt64Array || given instanceof BigUint64Array;
      const values = isWhole ? Float32Array.from(given as BigInt64Array, Number) : given;
      const size = values.length / course.rows;
      let room = seen.get(name);
      if (room === undefined) {
        room = { data: makeData(floatType(values), all * size), size };
        seen.set(name, room);
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
function seenTensor(name: string, { seen, rows }: Noted): NamedTensor {
  const { data, size } = seen.get(name) as { data: TensorData; size: number };
  return { name, type: floatType(data), shape: [rows, size], data };
}

function floatType(data: TensorData): DType {
  return data instanceof Uint16Array ? 'float16' : data instanceof Float64Array ? 'float64' : 'float32';
}

/** The places of all rows of a group. */
function allOf(rows: readonly number[]): number[] {
  return rows.map((_, place) => place);
}

function isAfterPrompt(name: string): boolean {
  return name.startsWith(AFTER_PROMPT);
}

/** @throws UserError where the language has no such token */
function idOf(token: number | string, language: Language, size: number, what: string): number {
  const id = typeof token === 'number' ? token : language.idOf(token);
  if (id !== undefined && id >= 0 && id < size) return id;
  const known = language.tokens.filter((one) => one !== null);
  const hint = typeof token === 'number' ? `there are ${size}` : suggestion(token, known);
  throw new UserError(`generate: ${what}: the vocabulary has no token ${JSON.stringify(token)}: ${hint}`);
}
