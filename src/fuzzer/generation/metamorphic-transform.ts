import { BoundsKeeper } from '../../constraints/bounds.ts';
import { UserError } from '../../core/errors.ts';
import { type Random, randomStream } from '../../core/random.ts';
import type { InputTraits } from '../../inputs/input-descriptor.ts';
import { type Block, type Form, makeBlock, type RowInput, type Rows } from '../../model/batched-model.ts';
import type { Mutator } from '../../mutators/mutator.ts';
import { fits, isGroup, makeMutator, readSpec } from '../../mutators/registry.ts';
import { NoisePool } from '../../mutators/simd/noise-pool.ts';
import {
  copyInto,
  type DType,
  readNumber,
  rowsOf,
  type TensorData,
  writeNumber,
} from '../../tensor/tensor.ts';
import { makeRoom, type Room } from './scratch-buffers.ts';

/**
 * Changes testcases as an objective says: by mutators that are applied one after the other, each to the inputs that it
 * fits. All draws come from the testcase's own values, so that a testcase is always changed alike.
 */
export class Changer {
  readonly #traits: readonly InputTraits[];
  /** Of each input, what it is changed by. */
  readonly #mutators: readonly (readonly Mutator[])[];
  readonly #masterSeed: string;
  readonly #noise: NoisePool;
  readonly #rooms: readonly Room[];
  readonly #bounds = new Map<string, BoundsKeeper>();
  #block: Block | undefined;

  private constructor(
    traits: readonly InputTraits[],
    mutators: readonly (readonly Mutator[])[],
    masterSeed: string,
  ) {
    this.#traits = traits;
    this.#mutators = mutators;
    this.#masterSeed = masterSeed;
    const longest = Math.max(...traits.map(({ size }) => size));
    this.#noise = new NoisePool(`${masterSeed}/change`, [], longest);
    // Once: which part of it a testcase gets is drawn from the testcase itself.
    this.#noise.refresh(randomStream(masterSeed, 'change'));
    this.#rooms = traits.map(({ type, size }) => makeRoom(type, size, this.#noise.stages));
  }

  /**
   * @param specs of mutators; `input=spec` for one of the inputs
   * @throws UserError where a mutator fits no input, or makes testcases of another length
   */
  static async make(
    specs: readonly string[],
    traits: readonly InputTraits[],
    masterSeed: string,
  ): Promise<Changer> {
    const mutators: Mutator[][] = traits.map(() => []);
    for (const given of specs) {
      const named = traits.findIndex(({ name }) => given.startsWith(`${name}=`));
      const spec = named < 0 ? given : given.slice(traits[named].name.length + 1);
      if (isGroup(spec))
        throw new UserError(`--objective: ${spec} is several changes: name the one that is meant`);
      const [chosen] = await readSpec(spec);
      const { kind } = chosen;
      if (kind.mate !== undefined)
        throw new UserError(
          `--objective: ${kind.name} needs a second testcase, and what changes a testcase has none`,
        );
      const inputs = traits.flatMap((input, i) => ((named < 0 ? fits(kind, input) : named === i) ? [i] : []));
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
    return new Changer(traits, mutators, masterSeed);
  }

  /** Changed rows, in arrays that the next call writes over. */
  change({ form, columns }: Rows, rows: number): Rows {
    const block = this.#blockFor(form, rows);
    for (let row = 0; row < rows; row++) {
      const random = randomStream(this.#masterSeed, 'change', digestOf(form, columns, row));
      form.inputs.forEach((input, i) => {
        this.#changeInput(input, i, columns[i], block.columns[i], row, random);
      });
    }
    return { form, columns: form.inputs.map(({ size }, i) => rowsOf(block.columns[i], size, 0, rows)) };
  }

  #changeInput(
    { size, shape, type }: RowInput,
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
    const { arithmetic } = noise;
    const bounds = this.#boundsOf(input, type, size);
    const room = this.#rooms[input];
    let from = room.parent(own);
    mutators.forEach((mutator, step) => {
      const to = room.stage(step, size);
      mutator.mutate(to, 0, from, {
        random,
        noise,
        arithmetic,
        bounds,
        shape,
        mate: from,
        turn: 0,
        turns: 1,
      });
      arithmetic.clip(to, 0, size, bounds);
      from = to;
    });
    if (out instanceof Float32Array) out.set(from, row * size);
    else for (let k = 0; k < size; k++) writeNumber(type, out, row * size + k, from[k]);
  }

  #blockFor(form: Form, rows: number): Block {
    if (this.#block === undefined || this.#block.form.key !== form.key || this.#block.capacity < rows)
      this.#block = makeBlock(form, rows);
    return this.#block;
  }

  #boundsOf(input: number, type: DType, size: number): BoundsKeeper {
    const key = `${input}/${size}`;
    let bounds = this.#bounds.get(key);
    if (bounds === undefined) {
      const { range, columns } = this.#traits[input];
      bounds = new BoundsKeeper(type, size, {
        range,
        columns: columns?.map((column) => (column.kind === 'fixed' ? { ...column, kind: 'range' } : column)),
      });
      this.#bounds.set(key, bounds);
    }
    return bounds;
  }
}

/** A number that tells rows apart (FNV-1a over the bits of their values). */
function digestOf({ inputs }: Form, columns: readonly TensorData[], row: number): number {
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
