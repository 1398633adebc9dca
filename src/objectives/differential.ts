import { UserError } from '../core/errors.ts';
import type { SideLabels } from './class-disagreement.ts';
import { makeComparator } from './comparators/registry.ts';
import { DISAGREEMENT_PARAMETERS, DISAGREEMENT_WORDS, disagreementRules } from './disagreement-parameters.ts';
import { instanceName, type ObjectiveKind } from './objective.ts';
import { OutputDisagreement } from './output-disagreement.ts';

const TIES = {
  help: 'how ties are treated (disagreements within the noise of batch size, threads and optimization): `apart`, counted but not a fault, or `fault`',
  legal: ['apart', 'fault'],
} as const;

const QUANTIZATION_LABELS: SideLabels = {
  reference: 'in the original model',
  second: 'in the quantized copy',
  describeClasses: ({ where, reference, second, referenceValues, secondValues }) =>
    `Models disagree on ${where}: original ${reference} (${referenceValues} for class ${second}), quantized copy ${second} (${secondValues} for class ${reference})`,
};

const MODEL_LABELS: SideLabels = {
  reference: 'in the first model',
  second: 'in the second model',
  describeClasses: ({ where, reference, second, referenceValues, secondValues }) =>
    `Models disagree on ${where}: first model ${reference} (${referenceValues} for class ${second}), second model ${second} (${secondValues} for class ${reference})`,
};

function makeKind(name: string, help: string, labels: SideLabels): ObjectiveKind {
  return {
    name,
    help,
    parameters: DISAGREEMENT_PARAMETERS,
    words: { ...DISAGREEMENT_WORDS, ties: TIES },
    needsSecondModel: true,
    breaksSeeds: true,
    make: (values, { name: instance, words }) => {
      // It would read as that of ties.
      if (/^tie(?:-|$)/.test(instance))
        throw new UserError(`--objective: ${name}:name=${instance} would name ties: take another name`);
      const comparator = words.by === undefined ? undefined : makeComparator(words.by);
      const rules = disagreementRules(values, words.ties !== 'fault', comparator !== undefined);
      return new OutputDisagreement(instanceName(name, instance), rules, { kind: name, labels, comparator });
    },
  };
}

export const quantization = makeKind(
  'quantization',
  'a quantized copy whose outputs differ from those of the original model',
  QUANTIZATION_LABELS,
);

export const differential = makeKind(
  'differential',
  'a second model, or another runtime, whose outputs differ',
  MODEL_LABELS,
);
