import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CampaignConfig } from '../../../config/schema.ts';
import { encodeNpy } from '../../../tensor/npy.ts';
import { encodeNpz } from '../../../tensor/npz.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** Seeds that were drawn in place of those that settings name. */
export interface SeedFiles {
  /** By input, `[count, …]`. */
  readonly arrays: readonly (readonly [name: string, array: Tensor])[];
  /** Class of each; undefined without classes. */
  readonly labels: readonly number[] | undefined;
  /** Settings that go with them. */
  readonly settings: Partial<CampaignConfig>;
}

/**
 * Settings in which drawn seeds stand, while `use` reads them.
 *
 * @param files undefined for settings that name their seeds
 */
export async function withSeedFiles<T>(
  config: CampaignConfig,
  files: SeedFiles | undefined,
  use: (config: CampaignConfig) => Promise<T>,
): Promise<T> {
  if (files === undefined) return use(config);
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-samples-'));
  try {
    const [seeds, labels] = [join(folder, 'samples.npz'), join(folder, 'labels.npy')];
    await writeFile(seeds, encodeNpz(files.arrays.map(([name, array]): [string, Tensor] => [name, array])));
    if (files.labels !== undefined) {
      const data = Int32Array.from(files.labels);
      await writeFile(labels, encodeNpy({ type: 'int32', shape: [data.length], data }));
    }
    return await use({
      ...config,
      ...files.settings,
      seeds: [seeds],
      labels: files.labels === undefined ? undefined : labels,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
