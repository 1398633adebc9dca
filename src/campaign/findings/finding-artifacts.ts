import type { PairOutputs } from '../../evaluation/pair-outputs.ts';
import { latentAfter } from '../../fuzzer/generation/latent-moves.ts';
import { encodePng } from '../../inputs/formats/png.ts';
import type { ImageFormat } from '../../inputs/image.ts';
import { inputValues } from '../../inputs/input-values.ts';
import { encodeTestcase, type LatentChange, type TestcaseData } from '../../inputs/testcase.ts';
import { markText } from '../../objectives/text/highlight.ts';
import type { Finding } from '../../storage/finding.ts';
import {
  ANSWER_FILE,
  BATCH_FILE,
  encodeOutputs,
  INPUT_FILE,
  INPUT_PICTURE_FILE,
  LATENT_FILE,
  OUTPUTS_FILE,
  REFERENCE_FILE,
  TEXT_FILE,
  TRANSFORMED_FILE,
  TRANSFORMED_PICTURE_FILE,
} from '../../storage/finding-files.ts';
import { encodeNpy } from '../../tensor/npy.ts';

/** A finding's testcase and the data recorded with it. */
export interface FindingArtifactData {
  readonly testcase: TestcaseData;
  /** The batch in which it was found; stored only for a batch-dependent finding. */
  readonly batch?: TestcaseData | undefined;
  /** Outputs of both runs, when the finding compares two models or a testcase with its transform. */
  readonly outputs?: PairOutputs | undefined;
  /** The testcase after the metamorphic transform. */
  readonly transformed?: TestcaseData | undefined;
  /** The testcase whose run time is the reference for a slow one. */
  readonly reference?: TestcaseData | undefined;
  /** The testcase decoded to text, for models that read text. */
  readonly text?: string | undefined;
}

/**
 * Renders the files that are stored beside `finding.json`: arrays as .npz, images as PNG, texts as UTF-8.
 *
 * @param imageFormats of each input, how its values map to pixels; undefined for inputs that are not images
 * @returns the content of each file by its name
 */
export async function renderFindingArtifacts(
  finding: Pick<Finding, 'batch' | 'violation' | 'latent'>,
  { testcase, batch, outputs, transformed, reference, text }: FindingArtifactData,
  imageFormats: readonly (ImageFormat | undefined)[],
): Promise<Map<string, Uint8Array>> {
  const contents: readonly (readonly [name: string, content: Uint8Array | string | undefined])[] = [
    [INPUT_FILE, encodeTestcase(testcase)],
    [BATCH_FILE, finding.batch && batch && encodeTestcase(batch, finding.batch.rows)],
    [OUTPUTS_FILE, outputs && encodeOutputs(outputs)],
    [TRANSFORMED_FILE, transformed && encodeTestcase(transformed)],
    [REFERENCE_FILE, reference && encodeTestcase(reference)],
    [LATENT_FILE, finding.latent && encodeLatent(finding.latent)],
    [INPUT_PICTURE_FILE, await renderPng(testcase, imageFormats)],
    [TRANSFORMED_PICTURE_FILE, transformed && (await renderPng(transformed, imageFormats))],
    [TEXT_FILE, text],
    [ANSWER_FILE, markText(finding.violation.details)],
  ];
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of contents)
    if (content !== undefined) files.set(name, typeof content === 'string' ? Buffer.from(content) : content);
  return files;
}

/** The latent vector that a finding was decoded from. */
function encodeLatent(change: LatentChange): Uint8Array {
  const data = latentAfter(change);
  return encodeNpy({ type: 'float32', shape: [data.length], data });
}

/** The first image input of a testcase as PNG; undefined if it has none. */
async function renderPng(
  testcase: TestcaseData,
  imageFormats: readonly (ImageFormat | undefined)[],
): Promise<Uint8Array | undefined> {
  const input = imageFormats.findIndex((imageFormat) => imageFormat !== undefined);
  const imageFormat = imageFormats[input];
  if (imageFormat === undefined) return undefined;
  const { shape } = testcase.form.inputs[input];
  const [height, width] = imageFormat.channelsFirst ? shape.slice(1) : shape;
  return encodePng(inputValues(testcase, input), imageFormat, height, width);
}
