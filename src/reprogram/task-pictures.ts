import type { TestcaseData } from '../inputs/testcase.ts';
import type { Layout } from '../mutators/image/layout.ts';
import { makeData, writeNumber } from '../tensor/tensor.ts';

/** Pictures of a task that a program has a model do. */
export interface TaskPictures {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** By how much each side is enlarged; undefined where it follows from the model's pictures. */
  readonly factor?: number | undefined;
  /** Levels from 0 (black) to 1 (white), `[height, width, channels]` each. */
  readonly pictures: readonly Float64Array[];
  /** From 0. */
  readonly labels: readonly number[];
  readonly labelCount: number;
}

/** Where the pictures of a task lie within those of the model. */
export interface Embedding {
  readonly factor: number;
  /** The first row and column. */
  readonly top: number;
  readonly left: number;
  /** Sides after enlarging. */
  readonly height: number;
  readonly width: number;
}

/** Most of a side that an enlarged picture takes: what is left is for the program. */
const MAX_SHARE = 4 / 7;

/**
 * Places a task's pictures in the middle of the model's, enlarged by the largest whole factor with which they take 4/7 of each side at
 * most, or not enlarged.
 */
export function embeddingOf(
  { height, width, factor: given }: Pick<TaskPictures, 'height' | 'width' | 'factor'>,
  host: Pick<Layout, 'height' | 'width'>,
): Embedding {
  const share = Math.min(host.height / height, host.width / width);
  const factor = given ?? Math.max(1, Math.floor(MAX_SHARE * share));
  return {
    factor,
    top: Math.floor((host.height - factor * height) / 2),
    left: Math.floor((host.width - factor * width) / 2),
    height: factor * height,
    width: factor * width,
  };
}

/**
 * A testcase with a task's picture in the middle of one of its inputs, and black around it.
 *
 * @param base the testcase whose other inputs are kept
 * @param picture levels from 0 to 1; one of one channel is repeated in all of the model's
 */
export function embedPicture(
  { form, inputs }: TestcaseData,
  position: number,
  picture: Float64Array,
  { width, channels }: Pick<TaskPictures, 'width' | 'channels'>,
  embedding: Embedding,
  layout: Layout,
): TestcaseData {
  const { type, size } = form.inputs[position];
  const { rowStep, columnStep, channelStep, black, white } = layout;
  const data = makeData(type, size);
  for (let row = 0; row < layout.height; row++)
    for (let column = 0; column < layout.width; column++)
      for (let channel = 0; channel < layout.channels; channel++) {
        const [y, x] = [row - embedding.top, column - embedding.left];
        const isInside = y >= 0 && y < embedding.height && x >= 0 && x < embedding.width;
        const cell = Math.floor(y / embedding.factor) * width + Math.floor(x / embedding.factor);
        const level = isInside ? picture[cell * channels + (channels === 1 ? 0 : channel)] : 0;
        writeNumber(
          type,
          data,
          row * rowStep + column * columnStep + channel * channelStep,
          black[channel] + level * (white[channel] - black[channel]),
        );
      }
  return { form, inputs: inputs.with(position, data) };
}
