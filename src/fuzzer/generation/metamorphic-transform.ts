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
 * Changes testcases as an objective says: by mutators that are applied one after the other, each to the inputs that it
 * fits. All draws come from the testcase's own values, so that a testcase is always changed alike.
 */
export class MetamorphicTransform {
  readonly #descriptors: readonly InputDescriptor[];
  /** Of each input, what it is changed by. */
  readonly #mutators: readonly (readonly Mutator[])[];
  readonly #masterSeed: string;
  readonly #noise: NoisePool;
  readonly #scratch: readonly ScratchBuffers[];
  readonly #bounds = new Map<string, BoundsTracker>();
  #buffer: BatchBuffer | undefined;

  private constructor(
    traits: readonly InputDescriptor[],
    mutators: readonly (readonly Mutator[])[],
    masterSeed: string,
  ) {
    this.#descriptors = traits;
    this.#mutators = mutators;
    this.#masterSeed = masterSeed;
    const longest = Math.max(...traits.map(({ size }) => size));
    this.#noise = new NoisePool(`${masterSeed}/change`, [], longest);
    // Once: which part of it a testcase gets is drawn from the testcase itself.
    this.#noise.refresh(randomStream(masterSeed, 'change'));
    this.#scratch = traits.map(({ type, size }) => makeScratchBuffers(type, size, this.#noise.scratch));
  }

  /**
   * @param specs of mutators; `input=spec` for one of the inputs
   * @throws UserError where a mutator fits no input, or makes testcases of another length
   */
  static async make(
    specs: readonly string[],
    traits: readonly InputDescriptor[],
    masterSeed: string,
  ): Promise<MetamorphicTransform> {
    const mutators: Mutator[][] = traits.map(() => []);
    for (const given of specs) {
      const named = traits.findIndex(({ name }) => given.startsWith(`${name}=`));
      const spec = named < 0 ? given : given.slice(traits[named].name.length + 1);
      if (isMutatorGroup(spec))
        throw new UserError(`--objective: ${spec} is several changes: name the one that is meant`);
      const [chosen] = await resolveMutatorSpec(spec);
      const { kind } = chosen;
      if (kind.partner !== undefined)
        throw new UserError(
          `--objective: ${kind.name} needs a second testcase, and what changes a testcase has none`,
        );
      const inputs = traits.flatMap((input, i) =>
        (named < 0 ? fitsInput(kind, input) : named === i) ? [i] : [],
      );
      if (inputs.length === 0)
        throw new UserError(
          `--objective: ${kind.name} fits no input of the model; neurofuzz mutators lists what each is for`,
        );
      for (const i of inputs) {
        const mutator = makeMutator(chosen, traits[i]);
        if (mutator.lengthOf !== undefined)
          throw new UserError(
            `--objective: ${kind.name} changes how long a testcase is: take one that does not`,
          );
        mutators[i].push(mutator);
      }
    }
    return new MetamorphicTransform(traits, mutators, masterSeed);
  }

  /** Changed rows, in arrays that the next call writes over. */
  apply({ form, inputs }: TestcaseBatch, rows: number): TestcaseBatch {
    const block = this.#bufferFor(form, rows);
    for (let row = 0; row < rows; row++) {
      const random = randomStream(this.#masterSeed, 'change', hashRow(form, inputs, row));
      form.inputs.forEach((input, i) => {
        this.#applyToInput(input, i, inputs[i], block.inputs[i], row, random);
      });
    }
    return { form, inputs: form.inputs.map(({ size }, i) => rowsOf(block.inputs[i], size, 0, rows)) };
  }

  #applyToInput(
    { size, shape, type }: TestcaseInput,
    input: number,
    given: TensorData,
    out: TensorData,
    row: number,
    random: Random,
  ): void {
    const own = rowsOf(given, size, row, row + 1);
    const mutators = this.#mutators[input];
    if (mutators.length === 0) {
      copyInto(out, own, row * size);
      return;
    }
    const noise = this.#noise;
    const { vectorMath } = noise;
    const bounds = this.#boundsOf(input, type, size);
    const room = this.#scratch[input];
    let from = room.parent(own);
    mutators.forEach((mutator, step) => {
      const to = room.intermediate(step, size);
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

/** A number that tells rows apart (FNV-1a over the bits of their values). */
function hashRow({ inputs }: ShapeSignature, columns: readonly TensorData[], row: number): number {
  let hash = 0x811c9dc5;
  inputs.forEach(({ size, type }, i) => {
    const data = columns[i];
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
