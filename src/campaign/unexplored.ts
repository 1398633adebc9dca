import type { NumericalSite } from '../analysis/numerical-sites/site.ts';
import type { MutationConfig } from '../config/schema.ts';
import { groupListsByInput } from '../config/values.ts';
import { inferInputs } from '../inputs/infer-input.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { dependenciesOf, findInputDependencies } from '../model/graph/input-dependencies.ts';
import type { ModelInfo } from '../model/model.ts';
import type { ResolvedInputs } from './resolve/inputs.ts';
import type { SizeChanges } from './resolve/sizes/size-changes.ts';

/** Sites named for an input that stays. */
const MAX_NAMED_SITES = 3;

/**
 * What a campaign does not look into, for its summary: inputs that stay, with the operations that they could reach and the flag
 * that frees them, and sizes and ids that are never tried. At most a line each; none where there is nothing to say.
 */
export function unexploredLines(
  model: Pick<ModelInfo, 'graph' | 'inputs' | 'evidence' | 'outputs' | 'generation'>,
  sites: readonly NumericalSite[],
  inputs: ResolvedInputs,
  { untried }: Pick<SizeChanges, 'untried'>,
  { mutator }: Pick<MutationConfig, 'mutator'>,
): string[] {
  if (model.generation !== undefined) return [];
  const stays = stayingInputs(model, sites, inputs, mutator);
  const never = [...untried, ...untriedIds(model, inputs)];
  return [
    ...(stays.length === 0 ? [] : [`inputs that stayed: ${stays.join('; ')}`]),
    ...(never.length === 0 ? [] : [`never tried: ${never.join('; ')}`]),
  ];
}

function stayingInputs(
  model: Pick<ModelInfo, 'graph' | 'inputs' | 'evidence' | 'outputs'>,
  sites: readonly NumericalSite[],
  { inputs, mutators, descriptors }: ResolvedInputs,
  mutator: MutationConfig['mutator'],
): string[] {
  const testcaseInputs = stripBatchDimension(inputs);
  const names = testcaseInputs.map(({ name }) => name);
  const { byName } = groupListsByInput(mutator, names);
  // What was asked for is no news.
  const staying = names.flatMap((name, i) => (mutators[i].length === 0 && !byName.has(name) ? [i] : []));
  if (staying.length === 0) return [];
  const inferred = inferInputs(testcaseInputs, model);
  const dependencies = findInputDependencies(model.graph);
  return staying.map((i) => {
    const name = names[i];
    const reached = sites.filter(({ targets }) =>
      targets.some(({ tensor }) => dependenciesOf(dependencies, tensor).values.has(name)),
    );
    const more = reached.length > MAX_NAMED_SITES ? ` and ${reached.length - MAX_NAMED_SITES} more` : '';
    const reach =
      reached.length === 0
        ? 'no site depends on it'
        : `${reached
            .slice(0, MAX_NAMED_SITES)
            .map((site) => site.name)
            .join(', ')}${more} depend${reached.length === 1 ? 's' : ''} on it`;
    const { low, high } = descriptors[i].range;
    const flag =
      inferred[i].kind === 'mask'
        ? `--mutator ${name}=flags`
        : inferred[i].stays
          ? `--mutator ${name}=numbers`
          : low === high
            ? `--range ${name}=lo,hi`
            : `--mutator ${name}=numbers --range ${name}=lo,hi`;
    return `${name} (${reach}; ${flag} has it mutated)`;
  });
}

/** Rows of lookup tables that no mutant looks up. */
function untriedIds({ evidence = [] }: Pick<ModelInfo, 'evidence'>, inputs: ResolvedInputs): string[] {
  return inputs.descriptors.flatMap(({ name, range }, i) => {
    const rows = evidence[i]?.lookupRows;
    if (rows === undefined || inputs.mutators[i].length === 0) return [];
    const { low, high } = range;
    const above = high < rows - 1 ? [`ids ${idSpan(Math.floor(high) + 1, rows - 1)}`] : [];
    const below = low > 0 ? [`ids ${idSpan(0, Math.ceil(low) - 1)}`] : [];
    return [...below, ...above].map((ids) => `${ids} of the table that ${name} looks up`);
  });
}

function idSpan(first: number, last: number): string {
  return first === last ? `${first}` : `${first} to ${last}`;
}
