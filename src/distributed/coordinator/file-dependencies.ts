import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseModuleSpec } from '../../extensions/spec.ts';
import { CODEPOINTS } from '../../model/language/vocabulary.ts';
import type { LoadOptions } from '../../model/model.ts';
import { fileDependenciesOf } from '../../objectives/file-dependencies.ts';
import type { WorkerSetup } from '../../workers/worker-setup.ts';

/** What a worker reads from disk beside its models, as the campaign's settings name it. */
export interface WorkerFileDependencies {
  /** Code, which is never sent: other machines have it or have it not. */
  readonly modules: readonly string[];
  /** Files that are sent, each with those beside it that are read with it. */
  readonly files: readonly { readonly path: string; readonly beside: readonly string[] }[];
}

/** Beside a tokenizer of Hugging Face: read where it is there. */
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';

/** Lists what a worker of this campaign reads from disk beside its models. */
export function workerFileDependencies(
  { objectives, mutators, criterion }: Pick<WorkerSetup, 'objectives' | 'mutators' | 'criterion'>,
  { generate }: Pick<LoadOptions, 'generate'>,
): WorkerFileDependencies {
  const reads = objectives.map(fileDependenciesOf);
  const modules = [
    ...reads.flatMap((own) => own.modules),
    ...[...mutators.flat(), criterion].flatMap((spec) => parseModuleSpec(spec)?.path ?? []),
  ];
  const vocabulary =
    generate === undefined || generate.vocabulary === CODEPOINTS ? [] : [generate.vocabulary];
  const files = [...new Set([...reads.flatMap((own) => own.files), ...vocabulary])];
  return {
    modules: [...new Set(modules)],
    files: files.map((path) => ({
      path,
      beside:
        vocabulary.includes(path) && existsSync(join(dirname(path), TOKENIZER_CONFIG_FILE))
          ? [TOKENIZER_CONFIG_FILE]
          : [],
    })),
  };
}
