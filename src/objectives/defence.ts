import { misclassified } from './misclassified.ts';
import { instanceName, type ObjectiveKind } from './objective.ts';

/** A wrong class within the limits that a defence is claimed to hold in; the name tells by which attack. */
export const defence: ObjectiveKind = {
  name: 'defence',
  help: 'a wrong class within the limits of a defence, as audit-defense finds it; needs --labels and a constraint',
  parameters: [],
  breaksSeeds: true,
  make(values, context) {
    const wrong = misclassified.make(values, context);
    const name = instanceName('defence', context.name);
    return {
      name,
      labelled: true,
      breaksSeed: () => true,
      refuses: (run) => wrong.refuses?.(run),
      judge(run, report) {
        wrong.judge(run, (row, violation) =>
          report(row, { ...violation, objective: 'defence', signature: name }),
        );
      },
      margins: (run, row, out) => wrong.margins?.(run, row, out) ?? 0,
      marginSlope: (run, row, index) => wrong.marginSlope?.(run, row, index),
    };
  },
};
