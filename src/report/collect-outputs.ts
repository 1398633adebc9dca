import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../core/errors.ts';
import type { NamedTensor } from '../model/model.ts';
import { comparesModels } from '../objectives/registry.ts';
import { decodeOutputs, OUTPUTS_FILE } from '../storage/finding-files.ts';
import { DTYPES, readNumber } from '../tensor/tensor.ts';
import type { LocatedFinding } from '../triage/findings.ts';
import type { OutputView } from './view-model.ts';

/** Maximum number of values shown of an output. */
const MAX_VALUES = 5;

/**
 * The largest values of each stored output, in both runs.
 *
 * @param classNames names of classes by output, for the outputs that have them
 */
export async function collectOutputs(
  { folder, finding }: LocatedFinding,
  classNames: ReadonlyMap<string, readonly string[]>,
): Promise<OutputView[]> {
  const bytes = await readFile(join(folder, OUTPUTS_FILE)).catch(() => undefined);
  if (bytes === undefined) return [];
  let outputs: ReturnType<typeof decodeOutputs>;
  try {
    outputs = decodeOutputs(bytes, OUTPUTS_FILE);
  } catch (error) {
    if (error instanceof UserError) return [];
    throw error;
  }
  const [referenceLabel, secondLabel] = comparesModels(finding.objective)
    ? ['model', 'second model']
    : ['finding', 'after the change'];
  return outputs.reference.map((tensor) => {
    const second = outputs.second.find(({ name }) => name === tensor.name);
    const classes = classNames.get(tensor.name);
    return {
      output: tensor.name,
      indexLabel: isClassVector(tensor) ? 'class' : 'index',
      sides: [
        { label: referenceLabel, top: largestValues(tensor, classes) },
        { label: secondLabel, top: second === undefined ? [] : largestValues(second, classes) },
      ],
    };
  });
}

/** Whether an output is one vector of floats, whose values are scores of classes. */
function isClassVector({ type, shape, data }: NamedTensor): boolean {
  return DTYPES[type].kind === 'float' && data.length > 1 && shape.at(-1) === data.length;
}

/** The largest values of a tensor with their flat indices, NaN last. */
function largestValues(
  { type, data }: NamedTensor,
  classes: readonly string[] | undefined,
): OutputView['sides'][number]['top'] {
  return Array.from({ length: data.length }, (_, index) => ({
    index,
    value: readNumber(type, data, index),
    ...(classes?.length === data.length ? { name: classes[index] } : {}),
  }))
    .sort((a, b) => Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value)) || b.value - a.value)
    .slice(0, MAX_VALUES);
}
