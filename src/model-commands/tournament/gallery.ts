import { resolveInputs } from '../../campaign/resolve/inputs.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { CampaignConfig } from '../../config/schema.ts';
import { namingFlag, UserError } from '../../core/errors.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { stripBatchDimension } from '../../model/batch-axis.ts';
import type { ModelInfo } from '../../model/model.ts';
import {
  allocateBatch,
  packBatch,
  type ShapeSignature,
  shapeSignatureOf,
  type TestcaseBatch,
} from '../../model/testcase-batch.ts';
import { copyInto, shapeText } from '../../tensor/tensor.ts';
import { drawLatents, LATENT_LAWS, pickLatents, SAMPLES } from '../../tournament/latents.ts';
import { realThreshold, sharesAbove } from '../../tournament/verdict.ts';
import type { ModelSession } from '../../workers/model-session.ts';
import type { Field } from './models-cup.ts';
import type { ModelPlayer } from './play.ts';
import type { GameRange } from './played-games.ts';

/** Bytes of samples that are held at a time. */
const HELD_BYTES = 256e6;

/** Games of a generator and a discriminator. */
export interface GalleryRequest extends GameRange {
  readonly generator: Required<ModelPlayer>;
  readonly discriminator: Required<ModelPlayer>;
}

/** An output or an input of pictures or other samples. */
interface Port {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Has generators make samples, and discriminators judge them. */
export class Gallery {
  readonly #field: Field;
  readonly #inputs: InputDescriptor[];
  readonly #latentForm: ShapeSignature;
  /** Latent vectors of a file; undefined where they are drawn. */
  readonly #latents: Seeds | undefined;
  readonly #sampleForm: ShapeSignature;
  readonly #real: Seeds | undefined;

  private constructor(
    field: Field,
    generator: {
      readonly descriptors: readonly InputDescriptor[];
      readonly seeds: Seeds;
      readonly isGiven: boolean;
    },
    sampleForm: ShapeSignature,
    real: Seeds | undefined,
  ) {
    this.#field = field;
    this.#inputs = [...generator.descriptors];
    this.#latentForm = generator.seeds[0].form;
    this.#latents = generator.isGiven ? generator.seeds : undefined;
    this.#sampleForm = sampleForm;
    this.#real = real;
  }

  /**
   * Reads latent vectors and real examples for the first generator and discriminator: all others are like them.
   *
   * @throws UserError where they can't be read, or a discriminator takes anything but one input of single precision
   */
  static async open(
    field: Field,
    generator: string,
    discriminator: string,
    notices: Notices,
  ): Promise<Gallery> {
    const { pool, settings, seed, config } = field;
    const { latent, real } = settings;
    const plain: CampaignConfig = {
      ...config,
      seeds: undefined,
      labels: undefined,
      mutator: undefined,
      corpus: undefined,
    };
    const isLaw = LATENT_LAWS.some((law) => law === latent);
    const silent = { info() {}, warn() {} };
    const latents = await namingFlag('--latent', async () =>
      resolveInputs(
        await pool.describe(generator),
        { ...plain, seeds: isLaw ? undefined : [latent] },
        seed,
        isLaw ? silent : notices,
        { drawnSeeds: 1 },
      ),
    );
    const judge = await pool.describe(discriminator);
    const { shape } = sampleInput(judge);
    const examples =
      real === undefined
        ? undefined
        : await namingFlag('--real', () =>
            resolveInputs(judge, { ...plain, seeds: [...real] }, seed, silent),
          );
    const sampleForm = shapeSignatureOf([
      { name: 'sample', type: 'float32', shape, size: shape.reduce((size, length) => size * length, 1) },
    ]);
    return new Gallery(
      field,
      { descriptors: latents.descriptors, seeds: latents.seeds, isGiven: !isLaw },
      sampleForm,
      examples?.seeds,
    );
  }

  /** Type and shape of a sample. */
  get picture(): string {
    return `float32 ${shapeText(this.#sampleForm.inputs[0].shape)}`;
  }

  /**
   * Looks whether a generator takes the latent vectors and makes samples that fit.
   *
   * @returns the digest of its file
   */
  async checkGenerator(path: string): Promise<string> {
    let digest = '';
    await this.#field.pool.run([
      {
        model: path,
        first: undefined,
        run: async (session) => {
          await this.#generatorOutput(session, path);
          digest = session.info.sha256;
        },
      },
    ]);
    return digest;
  }

  /** Looks whether a discriminator judges such samples, and which share of the real examples it calls real. */
  async checkDiscriminator(
    path: string,
  ): Promise<{ readonly sha256: string; readonly real: number | undefined }> {
    const found: { sha256: string; real: number | undefined } = { sha256: '', real: undefined };
    await this.#field.pool.run([
      {
        model: path,
        first: undefined,
        run: async (session) => {
          const { name, shape } = sampleInput(session.info);
          const wanted = this.#sampleForm.inputs[0].shape;
          if (shape.join() !== wanted.join())
            throw new UserError(
              `discriminator ${path} takes ${name} of ${shapeText(shape)}, and samples are of ${shapeText(wanted)}`,
            );
          found.sha256 = session.info.sha256;
          if (this.#real !== undefined)
            [found.real] = await this.#judge(
              session,
              packBatch(this.#real),
              this.#real.length,
              this.#real.length,
            );
        },
      },
    ]);
    return found;
  }

  /**
   * Plays games: samples are made once and judged by all discriminators that need them.
   *
   * @param onScores called with the shares of samples that are called real, a game each
   */
  async play(
    requests: readonly GalleryRequest[],
    onScores: (request: GalleryRequest, scores: readonly number[]) => Promise<void>,
  ): Promise<void> {
    for (const block of this.#blocks(requests)) {
      const samples = new Map<string, Float32Array>();
      const needed = new Map(block.map((request) => [sampleKey(request), request]));
      await this.#field.pool.run(
        [...needed].map(([key, { generator, from, to }]) => ({
          model: generator.path,
          first: undefined,
          run: async (session) => {
            generator.check(session.info);
            samples.set(key, await this.#generate(session, generator.path, from, to));
          },
        })),
      );
      await this.#field.pool.run(
        block.map((request) => ({
          model: request.discriminator.path,
          first: undefined,
          run: async (session) => {
            request.discriminator.check(session.info);
            const values = samples.get(sampleKey(request));
            if (values === undefined) throw new Error('there are no samples');
            const batch = { form: this.#sampleForm, inputs: [values] };
            const rows = (request.to - request.from) * SAMPLES;
            await onScores(request, await this.#judge(session, batch, rows, SAMPLES));
          },
        })),
      );
    }
  }

  /** Requests whose samples fit into memory together. */
  *#blocks(requests: readonly GalleryRequest[]): Generator<readonly GalleryRequest[]> {
    const bytes = 4 * SAMPLES * this.#sampleForm.inputs[0].size;
    const byKey = new Map<string, GalleryRequest[]>();
    for (const request of requests)
      byKey.set(sampleKey(request), [...(byKey.get(sampleKey(request)) ?? []), request]);
    let block: GalleryRequest[] = [];
    let held = 0;
    for (const group of byKey.values()) {
      const [{ from, to }] = group;
      if (block.length > 0 && held + bytes * (to - from) > HELD_BYTES) {
        yield block;
        block = [];
        held = 0;
      }
      block.push(...group);
      held += bytes * (to - from);
    }
    if (block.length > 0) yield block;
  }

  async #generate(session: ModelSession, path: string, from: number, to: number): Promise<Float32Array> {
    const { name } = await this.#generatorOutput(session, path);
    const rows = (to - from) * SAMPLES;
    const { form, inputs } = allocateBatch(this.#latentForm, rows);
    for (let game = from; game < to; game++)
      this.#latentsOf(game).inputs.forEach((values, i) => {
        copyInto(inputs[i], values, (game - from) * SAMPLES * form.inputs[i].size);
      });
    const batch = withNamesOf(session.info, { form, inputs });
    return session.runPacked({ batch, rows, output: name });
  }

  #latentsOf(game: number): TestcaseBatch {
    const { seed, settings } = this.#field;
    if (this.#latents !== undefined) return pickLatents(this.#latents, seed, game);
    const law = LATENT_LAWS.find((known) => known === settings.latent) ?? 'normal';
    return drawLatents(
      this.#latentForm,
      this.#inputs.map(({ range }) => range),
      law,
      seed,
      game,
    );
  }

  /** @throws UserError where none of the outputs fits the discriminators */
  async #generatorOutput(session: ModelSession, path: string): Promise<Port> {
    const wanted = this.#sampleForm.inputs[0].shape;
    const latents = this.#latentForm.inputs;
    const taken = stripBatchDimension(session.info.inputs);
    const isAlike =
      taken.length === latents.length &&
      taken.every(
        ({ type, shape }, i) =>
          type === latents[i].type &&
          shape.length === latents[i].shape.length &&
          shape.every((length, axis) => length === null || length === latents[i].shape[axis]),
      );
    if (!isAlike)
      throw new UserError(
        `generator ${path} takes ${taken.map(({ shape }) => shapeText(shape)).join(', ')}, and latent vectors are of ${latents.map(({ shape }) => shapeText(shape)).join(', ')}`,
      );
    const batch = withNamesOf(session.info, this.#latentsOf(0));
    const first = {
      form: batch.form,
      inputs: batch.inputs.map((data, i) => data.slice(0, batch.form.inputs[i].size)),
    };
    const [{ outputs }] = await session.run([first as TestcaseBatch]);
    const found = outputs.find(({ type, shape }) => type === 'float32' && shape.join() === wanted.join());
    if (found === undefined)
      throw new UserError(
        `generator ${path} makes ${outputs.map(({ type, shape }) => `${type} ${shapeText(shape)}`).join(', ')}, and discriminators take float32 ${shapeText(wanted)}`,
      );
    return found;
  }

  /** Shares that are called real, in each run of so many rows. */
  async #judge(session: ModelSession, batch: TestcaseBatch, rows: number, run: number): Promise<number[]> {
    const { info } = session;
    const named = withNamesOf(info, batch);
    const first = {
      form: named.form,
      inputs: named.inputs.map((data, i) => data.slice(0, named.form.inputs[i].size)),
    };
    const [{ outputs }] = await session.run([first as TestcaseBatch]);
    const output = outputs.find(({ type, size }) => type === 'float32' && size === 1);
    if (output === undefined)
      throw new UserError(
        `discriminator ${info.path} gives ${outputs.map(({ shape }) => shapeText(shape)).join(', ')}: it must have an output with one value for each sample, a logit or a share`,
      );
    const values = await session.runPacked({ batch: named, rows, output: output.name });
    return sharesAbove(values, realThreshold(info.graph, output.name), run);
  }
}

function sampleKey({ generator, from, to }: GalleryRequest): string {
  return JSON.stringify([generator.name, from, to]);
}

/** The input of samples. @throws UserError where there are others */
function sampleInput(info: ModelInfo): Port {
  const inputs = stripBatchDimension(info.inputs);
  const [input] = inputs;
  if (inputs.length !== 1 || input.type !== 'float32' || input.shape.includes(null))
    throw new UserError(
      `discriminator ${info.path} must have one input of type float32 and of a fixed shape, and takes ${inputs.map(({ type, shape }) => `${type} ${shapeText(shape)}`).join(', ')}`,
    );
  return { name: input.name, shape: input.shape.map(Number) };
}

/** A batch with the names that the model's inputs have. */
function withNamesOf({ inputs }: ModelInfo, { form, inputs: data }: TestcaseBatch): TestcaseBatch {
  return {
    form: shapeSignatureOf(form.inputs.map((input, i) => ({ ...input, name: inputs[i].name }))),
    inputs: data,
  };
}
