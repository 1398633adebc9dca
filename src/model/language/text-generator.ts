import { createHash } from 'node:crypto';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import { rowsOf, type Tensor } from '../../tensor/tensor.ts';
import { canExposeTensors } from '../can-expose-tensors.ts';
import { NoGradientError, type TokenReplacements } from '../gradients/gradient.ts';
import { countParameters } from '../graph/graph.ts';
import type { Model, NamedTensor, RunResult } from '../model.ts';
import { tokenIdsOf } from './completion.ts';
import { DecodingSession } from './decoding-session.ts';
import {
  AFTER_PROMPT_PREFIX,
  ANSWER,
  type GenerationSettings,
  LOG_PROBS,
  NO_TOKEN,
  type TextGeneration,
} from './generation.ts';
import { type IoBinding, stateOutputs } from './io-binding.ts';
import type { CandidateContinuation } from './prefilled-prompts.ts';
import { PrefilledRows, type RowGroup } from './prefilled-rows.ts';
import { PromptGradients } from './prompt-gradients.ts';
import { Sampler } from './sampler.ts';
import type { Tokenizer } from './tokenizer.ts';
import { isAfterPrompt, WatchedRows } from './watched-rows.ts';

/** Answers of a batch as they are written. */
interface AnswerBuffers {
  /** `[rows, maxTokens]` */
  readonly tokens: Int32Array;
  /** `[rows, maxTokens]` */
  readonly logProbs: Float32Array;
}

/** A row whose answer is being generated. */
interface ActiveRow {
  /** Row of the batch. */
  readonly row: number;
  /** Undefined for greedy decoding. */
  readonly random: Random | undefined;
}

/** Completes prompts with a next-token model. */
export class TextGenerator implements TextGeneration {
  readonly tokenizer: Tokenizer;
  readonly maxTokens: number;
  readonly vocabularySize: number;
  generatedTokens = 0;
  readTokens = 0;
  readonly sha256: string;
  readonly description: string;
  readonly weightsPerToken: number;
  readonly defaultCoverage: TextGeneration['defaultCoverage'];
  readonly #network: Model;
  readonly #onStep: () => void;
  readonly #binding: IoBinding;
  readonly #sampler: Sampler;
  readonly #startTokens: readonly number[];
  readonly #endTokens: ReadonlySet<number>;
  #promptGradients: PromptGradients | undefined;

  /**
   * @param onStep called after each run of the network
   * @throws UserError if the vocabulary lacks a start or end token
   */
  constructor(
    network: Model,
    binding: IoBinding,
    tokenizer: Tokenizer,
    settings: GenerationSettings,
    onStep: () => void,
  ) {
    const { vocabularySize } = binding;
    const { vocabulary: _path, length, temperature, topK, seed, start, end } = settings;
    this.tokenizer = tokenizer;
    this.maxTokens = length;
    this.vocabularySize = vocabularySize;
    this.#network = network;
    this.#onStep = onStep;
    this.#binding = binding;
    this.#sampler = new Sampler({ temperature, topK: topK ?? vocabularySize, seed });
    this.#startTokens = start.map((token) => tokenIdOf(token, tokenizer, vocabularySize, 'start'));
    this.#endTokens = new Set(end.map((token) => tokenIdOf(token, tokenizer, vocabularySize, 'end')));
    this.sha256 = digestSettings(settings, tokenizer);
    this.description = describeDecoding(binding, settings);
    const tokensPerRun = binding.mode === 'window' ? (binding.windowLength ?? length) : 1;
    this.weightsPerToken = countParameters(network.graph) * tokensPerRun;
    this.defaultCoverage = chooseCoverage(binding);
  }

  /** Tensors that can be watched beside the answers: outputs of the network, and tensors within it. */
  get watchable(): string[] {
    const outputs = [...stateOutputs(this.#binding), this.#binding.logits];
    const inner = this.#network.watchable.filter((name) => !this.#network.outputs.includes(name));
    return [
      ...outputs.map((name) => `${AFTER_PROMPT_PREFIX}${name}`),
      ...outputs,
      ...inner.map((name) => `${AFTER_PROMPT_PREFIX}${name}`),
    ];
  }

  /**
   * Completes prompts.
   *
   * @param prompts int32 `[rows, length]`, padded with `NO_TOKEN`
   * @returns answers and their log-probabilities as outputs, watched tensors as `[rows, size]`
   */
  async run(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const [rows] = prompts.shape;
    const shape = [rows, this.maxTokens];
    const answers: AnswerBuffers = {
      tokens: new Int32Array(rows * this.maxTokens).fill(NO_TOKEN),
      logProbs: new Float32Array(rows * this.maxTokens),
    };
    const recorded = new WatchedRows(this.#binding, rows);
    const groups: RowGroup[] = [];
    const texts = this.#readPrompts(prompts);
    for await (const group of this.#prefillGroups(texts)) {
      groups.push({ ...group, session: group.session.fork() });
      await this.#generate(group, texts, watched, answers, recorded);
    }
    const outputs: readonly NamedTensor[] = [
      { name: ANSWER, type: 'int32', shape, data: answers.tokens },
      { name: LOG_PROBS, type: 'float32', shape, data: answers.logProbs },
    ];
    const activations = watched.map(
      (name) => outputs.find((output) => output.name === name) ?? recorded.tensor(name),
    );
    return { outputs, activations, prefilled: this.#prefilled(groups) };
  }

  async prefill(prompts: Tensor, watched: readonly string[]): Promise<RunResult> {
    const recorded = new WatchedRows(this.#binding, prompts.shape[0]);
    const groups: RowGroup[] = [];
    for await (const group of this.#prefillGroups(this.#readPrompts(prompts))) {
      groups.push(group);
      await recorded.record(group.session, indicesOf(group.rows), group.rows, watched);
    }
    return {
      outputs: [],
      activations: watched.map((name) => recorded.tensor(name)),
      prefilled: this.#prefilled(groups),
    };
  }

  get isDifferentiable(): boolean {
    return this.#network.capabilities.gradients !== undefined && canExposeTensors(this.#network);
  }

  async promptReplacements(
    prompts: Tensor,
    continuations: readonly (CandidateContinuation | undefined)[],
    barred: Float32Array,
    count: number,
  ): Promise<TokenReplacements> {
    const { gradients } = this.#network.capabilities;
    if (gradients === undefined)
      throw new NoGradientError(this.#binding.logits, [`the runtime ${this.#network.runtime.kind}`]);
    this.#promptGradients ??= new PromptGradients(
      this.#network,
      gradients,
      this.#binding,
      this.#sampler,
      this.#onStep,
    );
    const texts = this.#readPrompts(prompts).map((text, row) => ({ text, continuation: continuations[row] }));
    const [, width] = prompts.shape;
    return this.#promptGradients.replacements(texts, this.#startTokens.length, width, barred, count);
  }

  #prefilled(groups: readonly RowGroup[]): PrefilledRows {
    return new PrefilledRows(groups, this.#sampler, this.vocabularySize, () => {
      this.generatedTokens++;
    });
  }

  /** Each row's start tokens and prompt, without padding. */
  #readPrompts({ data, shape: [rows, width] }: Tensor): Int32Array[] {
    const ids = tokenIdsOf(data);
    return Array.from({ length: rows }, (_, row) => this.#withStartTokens(rowsOf(ids, width, row, row + 1)));
  }

  #withStartTokens(padded: Int32Array): Int32Array {
    const prompt = padded.filter((id) => id >= 0);
    const unknown = prompt.find((id) => id >= this.vocabularySize);
    if (unknown !== undefined)
      throw new Error(`the prompt holds token ${unknown}, and the model knows ${this.vocabularySize}`);
    if (prompt.length + this.#startTokens.length === 0) throw new Error('the prompt holds no token');
    return Int32Array.from([...this.#startTokens, ...prompt]);
  }

  async *#prefillGroups(texts: readonly Int32Array[]): AsyncGenerator<RowGroup> {
    for (const rows of this.#groupRows(texts)) {
      const prompts = rows.map((row) => texts[row]);
      yield {
        rows,
        session: await DecodingSession.open(this.#network, this.#binding, prompts, (tokens) => {
          this.readTokens += tokens;
          this.#onStep();
        }),
      };
    }
  }

  /** Rows that one decoding session takes: where each prompt position is an input, those of one length. */
  #groupRows(texts: readonly Int32Array[]): readonly (readonly number[])[] {
    const rows = texts.map((_, row) => row);
    const { isBatched, mode, windowLength = 0 } = this.#binding;
    if (!isBatched) return rows.map((row) => [row]);
    if (mode === 'recurrent' || windowLength > 1) return [rows];
    const byLength = new Map<number, number[]>();
    for (const row of rows) {
      const { length } = texts[row];
      const group = byLength.get(length);
      if (group === undefined) byLength.set(length, [row]);
      else group.push(row);
    }
    return [...byLength.values()];
  }

  /** Generates the answers of one group of rows. */
  async #generate(
    { session, rows }: RowGroup,
    texts: readonly Int32Array[],
    watched: readonly string[],
    answers: AnswerBuffers,
    recorded: WatchedRows,
  ): Promise<void> {
    await recorded.record(session, indicesOf(rows), rows, watched.filter(isAfterPrompt));
    const atEnd = watched.filter((name) => !isAfterPrompt(name) && name !== ANSWER && name !== LOG_PROBS);
    let active = rows.map((row): ActiveRow => ({ row, random: this.#sampler.randomFor(texts[row]) }));
    for (let step = 0; ; step++) {
      const { logits } = session;
      const tokens = new Int32Array(active.length);
      const unfinished: number[] = [];
      const ended: number[] = [];
      active.forEach(({ row, random }, index) => {
        const token = this.#sampler.sample(logits, index, this.vocabularySize, random);
        tokens[index] = token;
        this.generatedTokens++;
        const isEnd = this.#endTokens.has(token);
        if (!isEnd) {
          answers.tokens[row * this.maxTokens + step] = token;
          answers.logProbs[row * this.maxTokens + step] = this.#sampler.logProb;
        }
        (isEnd || step + 1 === this.maxTokens ? ended : unfinished).push(index);
      });
      if (ended.length > 0) {
        const endedRows = ended.map((index) => active[index].row);
        await recorded.record(session, ended, endedRows, atEnd);
      }
      if (unfinished.length === 0) return;
      session.selectRows(unfinished);
      active = unfinished.map((index) => active[index]);
      await session.step(Int32Array.from(unfinished, (index) => tokens[index]));
    }
  }
}

function digestSettings(
  { vocabulary: _path, ...settings }: GenerationSettings,
  tokenizer: Tokenizer,
): string {
  return createHash('sha256')
    .update(JSON.stringify([settings, tokenizer.sha256]))
    .digest('hex');
}

const MODE_TEXTS: Readonly<Record<IoBinding['mode'], string>> = {
  recurrent: 'a state carried from step to step',
  cached: 'a cache carried from step to step',
  window: 'the whole text run again for each token',
};

function describeDecoding(
  { mode, vocabularySize }: IoBinding,
  { temperature, topK, length }: GenerationSettings,
): string {
  const candidates = topK === undefined ? '' : ` of the ${topK} likeliest`;
  return [
    MODE_TEXTS[mode],
    temperature === 0 ? 'the likeliest token' : `tokens sampled at temperature ${temperature}${candidates}`,
    `up to ${length} of ${vocabularySize} tokens`,
  ].join(', ');
}

function chooseCoverage(binding: IoBinding): TextGeneration['defaultCoverage'] {
  const state = stateOutputs(binding).at(-1);
  return state === undefined || binding.mode !== 'recurrent'
    ? { tensor: `${AFTER_PROMPT_PREFIX}${binding.logits}`, why: 'the logits after the prompt' }
    : { tensor: `${AFTER_PROMPT_PREFIX}${state}`, why: 'the state after the prompt' };
}

function indicesOf(rows: readonly number[]): number[] {
  return rows.map((_, index) => index);
}

/** @throws UserError if the vocabulary has no such token */
function tokenIdOf(token: number | string, tokenizer: Tokenizer, size: number, setting: string): number {
  const id = typeof token === 'number' ? token : tokenizer.idOf(token);
  if (id !== undefined && id >= 0 && id < size) return id;
  const known = tokenizer.tokens.filter((text) => text !== null);
  const hint = typeof token === 'number' ? `there are ${size}` : suggestName(token, known);
  throw new UserError(`generate: ${setting}: the vocabulary has no token ${JSON.stringify(token)}: ${hint}`);
}
