import { createRequire } from 'node:module';
import { basename, dirname, relative, resolve } from 'node:path';
import type { CampaignConfig } from '../config/schema.ts';
import { byInput } from '../config/values.ts';
import type { Model } from '../models/model.ts';
import type { CoverageChoice, InputPlan } from './target.ts';

const { version } = createRequire(import.meta.url)('neurofuzz/package.json') as { version: string };

/** A model's name: its file's without the ending, or its folder's where the file is a model.json. */
export function modelName(path: string): string {
  const file = basename(path);
  if (file === 'model.json') return basename(dirname(resolve(path)));
  return file.replace(/\.[^.]+$/, '') || 'model';
}

/** What was resolved before the first mutant. */
export interface Resolved {
  readonly folder: string;
  readonly masterSeed: string;
  readonly model: Model;
  readonly batch: number;
  readonly path: string;
  readonly choice: CoverageChoice;
  readonly threshold: number;
  readonly inputs: InputPlan;
}

/** What campaign.yaml holds: settings that give the same campaign again, and what they were resolved with. */
export function resolvedSettings(
  config: CampaignConfig,
  resolved: Resolved,
): Readonly<Record<string, unknown>> {
  const { folder, masterSeed, model, batch, path, choice, threshold, inputs } = resolved;
  const here = (file: string): string => relative(resolve(folder), resolve(file));
  const names = model.inputs.map((input) => input.name);
  const places = byInput(config.seeds, names);
  const seeds = [
    ...places.forAll.map(here),
    ...[...places.byName].map(([name, file]) => `${name}=${here(file)}`),
  ];
  const settings = {
    ...config,
    model: here(path),
    ...(seeds.length > 0 ? { seeds } : {}),
    mutator:
      config.mutator ??
      Object.fromEntries(names.map((name, i) => [name, inputs.mutators[i]?.name ?? 'none'])),
    coverage: [...choice.tensors],
    measure: choice.measure.name,
    runtime: model.runtime.kind,
    batch,
    seed: masterSeed,
  };
  const { out: _out, ...kept } = settings;
  const defined = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return {
    ...defined,
    resolved: {
      neurofuzz: version,
      node: process.version,
      runtime: model.runtime.version,
      modelSha256: model.sha256,
      threshold,
      inputs: inputs.seeds.layout.inputs.map(({ name, type, shape }, i) => ({
        name,
        type,
        shape: [...shape],
        range: [inputs.ranges[i].low, inputs.ranges[i].high],
      })),
      outputs: [...model.outputs],
    },
  };
}
