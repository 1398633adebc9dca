import {
  type AttentionBlock,
  type FoundAttention,
  findAttentionBlocks,
} from '../../analysis/attention/find-blocks.ts';
import type { HeadWeights } from '../../analysis/attention/head-statistics.ts';
import type { BlockMeasures } from '../../analysis/attention/measure-attention.ts';
import type { Notices } from '../../campaign/resolve/model-settings.ts';
import type { InputConfig, ModelConfig } from '../../config/schema.ts';
import { UserError } from '../../core/errors.ts';
import { plural } from '../../core/format-number.ts';
import type { OnProgress } from '../../core/progress.ts';
import type { InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { TestcaseData } from '../../inputs/testcase.ts';
import type { ModelInfo } from '../../model/model.ts';
import { modelPath } from '../../storage/load-options.ts';
import { withModelSession } from '../../workers/model-session.ts';
import { type ModelSeeds, readSeeds } from '../read-seeds.ts';

/** Version of the object that `inspect --attention --json` prints. */
const ATTENTION_VERSION = 1;

/** Most seeds that are measured, and of those whose weights are written. */
const MAX_SEEDS = 64;
const MAX_WRITTEN = 8;

/** What `inspect --attention` says of a model. */
export interface AttentionReport extends Omit<FoundAttention, 'blocks'> {
  readonly formatVersion: number;
  readonly model: Pick<ModelInfo, 'path' | 'format' | 'sha256' | 'runtime'>;
  /** Measured seeds; 0 without any. */
  readonly seeds: number;
  /** Without seeds as they are found, with an empty list of heads. */
  readonly blocks: readonly (AttentionBlock &
    Partial<Omit<BlockMeasures, 'heads'>> &
    Pick<BlockMeasures, 'heads'>)[];
}

/** The weights of the first seeds. */
export interface AttentionWeights {
  readonly seeds: readonly TestcaseData[];
  /** By seed and block. */
  readonly weights: readonly (readonly HeadWeights[])[];
  readonly descriptors: readonly InputDescriptor[];
}

/** What `inspect --attention` found. */
export interface AttentionResult {
  readonly report: AttentionReport;
  /** Undefined without seeds. */
  readonly weights: AttentionWeights | undefined;
}

/**
 * Finds a model's blocks of attention, and measures their heads on the seeds.
 *
 * @throws UserError where the model has none, or the seeds can't be read
 */
export function inspectAttention(
  config: ModelConfig & InputConfig,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<AttentionResult> {
  return withModelSession(config, async (session) => {
    const { info } = session;
    const path = modelPath(config).asGiven;
    const found = findAttentionBlocks(info.graph);
    if (found.blocks.length === 0)
      throw new UserError(`${path} has no block of attention: ${reasons(found)}`);
    const unseen = found.blocks.find(({ weights }) => !canWatch(info, weights));
    if (unseen !== undefined) throw new UserError(`${path}: the weights of ${unseen.name} cannot be watched`);
    const blocks = found.blocks.map((block) => watchableParts(info, block));
    const seeds = config.seeds === undefined ? undefined : await readSeeds(info, config, notices);
    const measured =
      seeds &&
      (await session.measureAttention(requestFor(blocks, seeds), (share) =>
        onProgress({
          label: 'attention',
          done: Math.round(share * Math.min(MAX_SEEDS, seeds.seeds.length)),
          total: Math.min(MAX_SEEDS, seeds.seeds.length),
          unit: 'seed',
        }),
      ));
    const { format, sha256, runtime } = info;
    return {
      report: {
        formatVersion: ATTENTION_VERSION,
        model: { path, format, sha256, runtime },
        seeds: seeds === undefined ? 0 : Math.min(MAX_SEEDS, seeds.seeds.length),
        blocks: measured?.blocks ?? blocks.map((block) => ({ ...block, heads: [] })),
        others: found.others,
        notVisible: found.notVisible,
      },
      weights: seeds &&
        measured && {
          seeds: seeds.seeds.slice(0, measured.weights.length),
          weights: measured.weights,
          descriptors: seeds.descriptors,
        },
    };
  });
}

/** Why a model has no block, in one clause. */
function reasons({ others, notVisible }: FoundAttention): string {
  const hidden = notVisible.map(({ op, name }) => `${op} ${name} hides its softmax`);
  const looked = others.map(({ name, why }) => `softmax ${name} is not one, since ${why}`);
  const all = [...hidden, ...looked];
  if (all.length === 0) return 'it has no softmax';
  const shown = all.slice(0, MAX_REASONS);
  return [
    ...shown,
    ...(all.length > shown.length ? [`${plural(all.length - shown.length, 'more')}`] : []),
  ].join('; ');
}

const MAX_REASONS = 5;

function canWatch({ watchable, outputs }: ModelInfo, tensor: string): boolean {
  return watchable.includes(tensor) || outputs.includes(tensor);
}

/** The block without a mask or a branch whose tensors no run shows. */
function watchableParts(info: ModelInfo, block: AttentionBlock): AttentionBlock {
  const { mask, scores, branch } = block;
  const showsSkip =
    branch !== undefined &&
    canWatch(info, branch.output) &&
    (canWatch(info, branch.skip) || info.inputs.some(({ name }) => name === branch.skip));
  return {
    ...block,
    mask: mask !== undefined && canWatch(info, scores) ? mask : undefined,
    branch: showsSkip ? branch : undefined,
  };
}

function requestFor(blocks: readonly AttentionBlock[], { seeds, descriptors }: ModelSeeds) {
  const testcases = seeds.slice(0, MAX_SEEDS).map(({ form, inputs }): TestcaseData => ({ form, inputs }));
  return {
    blocks,
    testcases,
    pictures: testcases.map((testcase) => pictureSides(testcase, descriptors)),
    shown: MAX_WRITTEN,
  };
}

/** Sides of the first picture that a testcase has; undefined for none. */
export function pictureSides(
  { form }: TestcaseData,
  descriptors: readonly InputDescriptor[],
): { readonly height: number; readonly width: number } | undefined {
  const input = descriptors.findIndex(({ picture }) => picture !== undefined);
  const picture = descriptors[input]?.picture;
  if (picture === undefined) return undefined;
  const { shape } = form.inputs[input];
  const [height, width] = picture.channelsFirst ? shape.slice(-2) : shape;
  return { height, width };
}
