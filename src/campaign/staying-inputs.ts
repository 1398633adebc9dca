import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { MutationConfig } from '../config/schema.ts';
import { groupListsByInput } from '../config/values.ts';
import { inferInputs } from '../inputs/infer-input.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { dependenciesOf, findInputDependencies } from '../model/graph/input-dependencies.ts';
import type { ModelInfo } from '../model/model.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';

/** Sites named for an input that stays. */
const MAX_NAMED_SITES = 3;

/** The parts of resolved inputs that tell which of them stay. */
export type InputSettings = Pick<ResolvedInputs, 'descriptors' | 'mutators'>;

/**
 * Inputs that no mutator changes, a clause each: what they reach, and the flag that has them mutated unless somebody asked for
 * it.
 *
 * @param mutator the setting that was asked for
 */
export function stayingInputs(
  model: Pick<ModelInfo, 'graph' | 'inputs' | 'evidence' | 'outputs'>,
  sites: readonly NumericalSite[],
  { mutators, descriptors }: InputSettings,
  mutator: MutationConfig['mutator'],
): string[] {
  const testcaseInputs = stripBatchDimension(model.inputs);
  const names = testcaseInputs.map(({ name }) => name);
  const { byName } = groupListsByInput(mutator, names);
  const staying = names.flatMap((_, i) => (mutators[i].length === 0 ? [i] : []));
  if (staying.length === 0) return [];
  const inferred = inferInputs(testcaseInputs, model);
  const dependencies = findInputDependencies(model.graph);
  return staying.map((i) => {
    const name = names[i];
    const reached = sites.filter(({ targets }) =>
      targets.some(({ tensor }) => dependenciesOf(dependencies, tensor).values.has(name)),
    );
    const flag = byName.has(name) ? '' : `; ${freeingFlag(inferred[i], descriptors[i])} mutates it`;
    return `${name} (${reachText(reached.map((site) => site.name))}${flag})`;
  });
}

function reachText(sites: readonly string[]): string {
  if (sites.length === 0) return 'no site depends on it';
  const more = sites.length > MAX_NAMED_SITES ? ` and ${sites.length - MAX_NAMED_SITES} more` : '';
  return `${sites.slice(0, MAX_NAMED_SITES).join(', ')}${more} depend${sites.length === 1 ? 's' : ''} on it`;
}

/** The flag that has an input mutated. */
function freeingFlag(
  { kind, stays }: ReturnType<typeof inferInputs>[number],
  { name, range }: Pick<InputSettings['descriptors'][number], 'name' | 'range'>,
): string {
  if (kind === 'mask') return `--mutator ${name}=flags`;
  if (stays) return `--mutator ${name}=numbers`;
  return range.low === range.high
    ? `--range ${name}=lo,hi`
    : `--mutator ${name}=numbers --range ${name}=lo,hi`;
}

/** Rows of lookup tables that no mutant looks up. */
export function untriedIds({ evidence = [] }: Pick<ModelInfo, 'evidence'>, inputs: InputSettings): string[] {
  return inputs.descriptors.flatMap(({ name, range }, i) => {
    const rows = evidence[i]?.lookupRows;
    if (rows === undefined || inputs.mutators[i].length === 0) return [];
    const { low, high } = range;
    const above = high < rows - 1 ? [`ids ${idSpan(Math.floor(high) + 1, rows - 1)}`] : [];
    const below = low > 0 ? [`ids ${idSpan(0, Math.ceil(low) - 1)}`] : [];
    return [...below, ...above].map((ids) => `${ids} of the table indexed by ${name}`);
  });
}

function idSpan(first: number, last: number): string {
  return first === last ? `${first}` : `${first} to ${last}`;
}
