import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CampaignConfig } from '../../config/schema.ts';
import type { ModelInfo } from '../../model/model.ts';
import { findWeightLayers } from '../../saliency/layers.ts';
import { loadOptions, mainFile, modelPath } from '../../storage/load-options.ts';
import type { ModelSession } from '../../workers/model-session.ts';

/** Loads a copy with permuted weights into all sessions while `use` runs, and then the model again. */
export async function onUntrainedCopy<T>(
  sessions: readonly ModelSession[],
  config: CampaignConfig,
  { graph }: Pick<ModelInfo, 'graph'>,
  seed: string,
  use: () => Promise<T>,
): Promise<T> {
  const path = modelPath(config).absolute;
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-reprogram-'));
  try {
    const [session] = sessions;
    const constants = findWeightLayers(graph).flatMap((layer) => layer.constants);
    const draws = { kind: 'permute', seed, repeat: 0 } as const;
    const files = await session.randomize({ path, constants, draws });
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    const copy = join(folder, mainFile([...files.keys()]));
    for (const loaded of sessions) await loaded.load(copy, loadOptions(config));
    const result = await use();
    for (const loaded of sessions) await loaded.load(path, loadOptions(config));
    return result;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
