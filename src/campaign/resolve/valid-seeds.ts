import { stripPadding } from '../../constraints/strip-padding.ts';
import { UserError } from '../../core/errors.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import { intervalAt } from '../../inputs/range.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import { columnAt } from '../../inputs/table-column.ts';
import { readNumber } from '../../tensor/tensor.ts';
import type { Notices } from './model-settings.ts';
import { typedRange } from './ranges.ts';

/** Seeds named in a warning. */
const MAX_NAMED_SEEDS = 3;

/**
 * Leaves out seeds that break a constraint by themselves, and names them: nothing that comes from them would be
 * legal.
 *
 * @throws UserError where none is left
 */
export function validSeeds(
  seeds: Seeds,
  traits: readonly InputDescriptor[],
  mutated: readonly boolean[],
  notes: Notices,
): Seeds {
  const problems = seeds.map((seed, index) => {
    for (const [input, one] of traits.entries()) {
      const problem = mutated[input] ? problemOf(seed, input, one) : undefined;
      if (problem !== undefined) return `seed ${index} has ${problem}`;
    }
    return undefined;
  });
  const bad = problems.filter((problem) => problem !== undefined);
  if (bad.length === 0) return seeds;
  if (bad.length === seeds.length) {
    const others = bad.length > 1 ? `, and so have all ${bad.length} theirs` : '';
    throw new UserError(`${bad[0]}${others}: no seed is left to fuzz; mend the seeds or widen what is legal`);
  }
  const more = bad.length > MAX_NAMED_SEEDS ? `; and ${bad.length - MAX_NAMED_SEEDS} more` : '';
  notes.warn(
    `${bad.length} of ${seeds.length} seeds break a constraint and are left out: ${bad.slice(0, MAX_NAMED_SEEDS).join('; ')}${more}`,
  );
  return seeds.filter((_, index) => problems[index] === undefined);
}

/** What is wrong with one input of a seed. */
function problemOf(seed: Seeds[number], input: number, traits: InputDescriptor): string | undefined {
  const { type, columns, name, tokens } = traits;
  const range = typedRange(type, traits.range);
  const values = seed.inputs[input];
  const size = values.length;
  const count = stripPadding(values, tokens?.pad).length;
  if (tokens !== undefined && tokens.length[1] < count && seed.form.inputs[input].shape.length === 1)
    return `${count} tokens in input ${name}, more than ${tokens.length[1]}`;
  for (let i = 0; i < size; i++) {
    const value = readNumber(type, values, i);
    const column = columns === undefined ? undefined : columnAt(columns, i);
    if (column?.kind === 'integer' && !Number.isInteger(value))
      return `${value} in column ${i} of input ${name}, which holds whole numbers`;
    if (column?.kind === 'category' && !column.values.includes(value))
      return `${value} in column ${i} of input ${name}, which is none of ${column.values.slice(0, 8).join(', ')}`;
    const { low, high } = intervalAt(range, i, size);
    if (value < low || value > high) {
      const legal = intervalAt(traits.range, i, size);
      return `${value} at position ${i} of input ${name}, outside its range ${legal.low},${legal.high}`;
    }
  }
  return undefined;
}
