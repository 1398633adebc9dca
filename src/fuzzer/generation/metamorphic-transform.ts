import { BoundsTracker } from '../../constraints/bounds.ts';
import { UserError } from '../../core/errors.ts';
import { type Random, randomStream } from '../../core/random.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import {
  allocateBatch,
  type BatchBuffer,
  type ShapeSignature,
  type TestcaseBatch,
  type TestcaseInput,
} from '../../model/testcase-batch.ts';
import type { Mutator } from '../../mutators/mutator.ts';
import { fitsInput, isMutatorGroup, makeMutator, resolveMutatorSpec } from '../../mutators/registry.ts';
import { NoisePool } from '../../mutators/simd/noise-pool.ts';
import {
  copyInto,
  type DType,
  readNumber,
  rowsOf,
  type TensorData,
  writeNumber,
} from '../../tensor/tensor.ts';
import { makeScratchBuffers, type ScratchBuffers } from './scratch-buffers.ts';

/**
 * Makes the follow-up inputs of a metamorphic objective: mutators are applied one after the other, each to the inputs that
 * it fits. Random numbers are seeded by the testcase's own values, so that a testcase always has the same follow-up.
 */
export class MetamorphicTransform {
  readonly #descriptors: readonly InputDescriptor[];
  /** Of each input. */
  readonly #mutators: readonly (readonly Mutator[])[];
  readonly #masterSeed: string;
  readonly #noise: NoisePool;
  readonly #scratch: readonly ScratchBuffers[];
  readonly #bounds = new Map<string, BoundsTracker>();
  #buffer: BatchBuffer | undefined;

  private constructor(
    descriptors: readonly InputDescriptor[],
    mutators: readonly (readonly Mutator[])[],
    masterSeed: string,
  ) {
    this.#descriptors = descriptors;
    this.#mutators = mutators;
    this.#masterSeed = masterSeed;
    const longest = Math.max(...descriptors.map(({ size }) => size));
    this.#noise = new NoisePool(`${masterSeed}/change`, [], longest);
    // Refreshed once, not for each batch: the windows that a testcase reads are drawn from the testcase itself.
    this.#noise.refresh(randomStream(masterSeed, 'change'));
    this.#scratch = descriptors.map(({ type, size }) => makeScratchBuffers(type, size, this.#noise.scratch));
  }

  /**
   * @param specs of mutators; `input=spec` for one input alone
   * @throws UserError where a mutator fits no input, needs a crossover partner, or changes the length of testcases
   */
  static async make(
    specs: readonly string[],
    descriptors: readonly InputDescriptor[],
    masterSeed: string,
  ): Promise<MetamorphicTransform> {
    const mutators: Mutator[][] = descriptors.map(() => []);
    for (const text of specs) {
      const namedInput = descriptors.findIndex(({ name }) => text.startsWith(`${name}=`));
      const spec = namedInput < 0 ? text : text.slice(descriptors[namedInput].name.length + 1);
      if (isMutatorGroup(spec))
        throw new UserError(`--objective: ${spec} is a group of several mutators: name one of them`);
      const [configured] = await resolveMutatorSpec(spec);
      const { kind } = configured;
      if (kind.partner !== undefined)
        throw new UserError(
          `--objective: ${kind.name} needs a second testcase, which a metamorphic change does not have`,
        );
      const inputs = descriptors.flatMap((input, i) =>
        (namedInput < 0 ? fitsInput(configured, input) : namedInput === i) ? [i] : [],
      );
      if (inputs.length === 0)
        throw new UserError(
          `--objective: ${kind.name} fits no input of the model; neurofuzz mutators lists the inputs of each`,
        );
      for (const i of inputs) {
        const mutator = makeMutator(configured, descriptors[i]);
        if (mutator.lengthOf !== undefined)
          throw new UserError(
            `--objective: ${kind.name} changes the length of a testcase: choose a mutator that does not`,
          );
        mutators[i].push(mutator);
      }
    }
    return new MetamorphicTransform(descriptors, mutators, masterSeed);
  }

  /** Transforms the first `rows` rows of a batch. The result is overwritten by the next call. */
  apply({ form, inputs }: TestcaseBatch, rows: number): TestcaseBatch {
    const buffer = this.#bufferFor(form, rows);
    for (let row = 0; row < rows; row++) {
      const random = randomStream(this.#masterSeed, 'change', hashRow(form, inputs, row));
      form.inputs.forEach((input, i) => {
        this.#applyToInput(input, i, inputs[i], buffer.inputs[i], row, random);
      });
    }
    return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(buffer.inputs[i], size, 0, rows)) };
  }

  #applyToInput(
    { size, shape, type }: TestcaseInput,
    input: number,
    values: TensorData,
    out: TensorData,
    row: number,
    random: Random,
  ): void {
    const parent = rowsOf(values, size, row, row + 1);
    const mutators = this.#mutators[input];
    if (mutators.length === 0) {
      copyInto(out, parent, row * size);
      return;
    }
    const noise = this.#noise;
    const { vectorMath } = noise;
    const bounds = this.#boundsOf(input, type, size);
    const scratch = this.#scratch[input];
    let from = scratch.parent(parent);
    mutators.forEach((mutator, step) => {
      const to = scratch.intermediate(step, size);
      mutator.mutate(to, 0, from, {
        random,
        noise,
        arithmetic: vectorMath,
        bounds,
        shape,
        partner: from,
        mutantIndex: 0,
        mutantCount: 1,
      });
      vectorMath.clip(to, 0, size, bounds);
      from = to;
    });
    if (out instanceof Float32Array) out.set(from, row * size);
    else for (let k = 0; k < size; k++) writeNumber(type, out, row * size + k, from[k]);
  }

  #bufferFor(form: ShapeSignature, rows: number): BatchBuffer {
    if (this.#buffer === undefined || this.#buffer.form.key !== form.key || this.#buffer.capacity < rows)
      this.#buffer = allocateBatch(form, rows);
    return this.#buffer;
  }

  #boundsOf(input: number, type: DType, size: number): BoundsTracker {
    const key = `${input}/${size}`;
    let bounds = this.#bounds.get(key);
    if (bounds === undefined) {
      const { range, columns } = this.#descriptors[input];
      bounds = new BoundsTracker(type, size, {
        range,
        columns: columns?.map((column) => (column.kind === 'fixed' ? { ...column, kind: 'range' } : column)),
      });
      this.#bounds.set(key, bounds);
    }
    return bounds;
  }
}

/** 32-bit hash of a row's values (FNV-1a). */
function hashRow({ inputs }: ShapeSignature, batch: readonly TensorData[], row: number): number {
  let hash = 0x811c9dc5;
  inputs.forEach(({ size, type }, i) => {
    const data = batch[i];
    if (data instanceof Float32Array) {
      const bits = new Uint32Array(data.buffer, data.byteOffset + 4 * row * size, size);
      for (let k = 0; k < size; k++) hash = Math.imul(hash ^ bits[k], 0x01000193);
      return;
    }
    for (let k = row * size; k < (row + 1) * size; k++) {
      const value = readNumber(type, data, k);
      hash = Math.imul(hash ^ (Math.fround(value * 65_537) | 0), 0x01000193);
    }
  });
  return hash >>> 0;
}
