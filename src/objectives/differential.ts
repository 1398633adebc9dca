import { DISAGREEMENT_PARAMETERS, disagreementRules } from './disagreement-parameters.ts';
import { instanceName, type ObjectiveKind } from './objective.ts';
import { OutputDisagreement } from './output-disagreement.ts';

function makeKind(name: string, help: string): ObjectiveKind {
  return {
    name,
    help,
    parameters: DISAGREEMENT_PARAMETERS,
    needsSecondModel: true,
    breaksSeeds: true,
    make: (values, context) =>
      new OutputDisagreement(instanceName(name, context.name), disagreementRules(values), name),
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
