import { UserError } from '../core/errors.ts';
import { makeComparator } from './comparators/registry.ts';
import { DISAGREEMENT_PARAMETERS, DISAGREEMENT_WORDS, disagreementRules } from './disagreement-parameters.ts';
import { instanceName, type ObjectiveKind } from './objective.ts';
import { OutputDisagreement } from './output-disagreement.ts';

const TIES = {
  help: 'what a tie is, a disagreement within what the size of a run, threads and optimisation move: `apart`, counted and no fault, or a `fault` like others',
  legal: ['apart', 'fault'],
} as const;

function makeKind(name: string, help: string): ObjectiveKind {
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
      return new OutputDisagreement(instanceName(name, instance), rules, { kind: name, comparator });
    },
  };
}

export const quantization = makeKind(
  'quantization',
  'a quantized copy that answers otherwise than the model',
);

export const differential = makeKind(
  'differential',
  'another model, or another runtime, that answers otherwise',
);
