import { moduleSpec } from '../config/specs.ts';
import type { WorkerSetup } from '../fuzzer/worker-process.ts';
import type { LoadOptions } from '../models/model.ts';
import { objectiveSpec } from '../objectives/spec.ts';

/**
 * What of a campaign cannot be carried over a queue, a clause for people; undefined where all can. Code is never sent, and no
 * machine reads a file because another one says so.
 */
export function uncarriable(setup: WorkerSetup, load: LoadOptions): string | undefined {
  const isModule = (spec: string): boolean => moduleSpec(spec) !== undefined;
  const objective = setup.objectives.find((spec) => {
    const { kind, rest, isModule: is } = objectiveSpec(spec);
    return is || (kind === 'metamorphic' && /[/\\]|\.[cm]?[jt]s\b/.test(rest));
  });
  if (objective !== undefined) return `the objective ${objective} is a plug-in, and code is never sent`;
  const mutator = setup.mutators.flat().find(isModule);
  if (mutator !== undefined) return `the mutator ${mutator} is a plug-in, and code is never sent`;
  if (isModule(setup.measure)) return `the measure ${setup.measure} is a plug-in, and code is never sent`;
  const reading = setup.objectives.find((spec) => /(?:^|[:,])\s*file=/.test(spec));
  if (reading !== undefined) return `the objective ${reading} reads a file, which is not sent`;
  if (load.generate !== undefined) return 'models that go on with texts read a vocabulary, which is not sent';
  return undefined;
}
