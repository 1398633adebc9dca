import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CODEPOINTS } from '../../config/values.ts';
import { parseModuleSpec } from '../../extensions/spec.ts';
import type { LoadOptions } from '../../model/model.ts';
import { filesOfMutator } from '../../mutators/registry.ts';
import { fileDependenciesOf } from '../../objectives/file-dependencies.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';

/** Files other than models that a worker process reads, with the paths used in the campaign's settings. */
export interface WorkerFileDependencies {
  /** Plug-in modules. Code is never transferred: it must be installed on the node. */
  readonly modules: readonly string[];
  /** Files to transfer, each with files of the same folder that are read along with it. */
  readonly files: readonly { readonly path: string; readonly companions: readonly string[] }[];
}

/** Optional companion of a Hugging Face tokenizer.json. */
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';

/** Lists the files other than models that a worker process of this campaign reads. */
export function workerFileDependencies(
  { objectives, mutators, criterion }: Pick<WorkerSetup, 'objectives' | 'mutators' | 'criterion'>,
  { generate }: Pick<LoadOptions, 'generate'>,
): WorkerFileDependencies {
  const dependencies = objectives.map(fileDependenciesOf);
  const modules = [
    ...dependencies.flatMap((objective) => objective.modules),
    ...[...mutators.flat(), criterion].flatMap((spec) => parseModuleSpec(spec)?.path ?? []),
  ];
  const vocabulary =
    generate === undefined || generate.vocabulary === CODEPOINTS ? [] : [generate.vocabulary];
  const programs = mutators.flat().flatMap(filesOfMutator);
  const files = [
    ...new Set([...dependencies.flatMap((objective) => objective.files), ...programs, ...vocabulary]),
  ];
  return {
    modules: [...new Set(modules)],
    files: files.map((path) => ({
      path,
      companions:
        vocabulary.includes(path) && existsSync(join(dirname(path), TOKENIZER_CONFIG_FILE))
          ? [TOKENIZER_CONFIG_FILE]
          : [],
    })),
  };
}
