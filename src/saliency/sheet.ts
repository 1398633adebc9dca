import sharp from 'sharp';
import type { ImageFormat } from '../inputs/image.ts';
import { valuesToLevels } from '../inputs/image.ts';
import { inputValues } from '../inputs/input-values.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { enlarge, type Grid } from './enlarge.ts';

/** Pixels between the tiles of a sheet, and the side that small tiles are enlarged to at least. */
const GAP = 4;
const MIN_SIDE = 96;

/** Colours of values for and against the class; 0 is white. */
const FOR = [178, 24, 43] as const;
const AGAINST = [33, 102, 172] as const;

/** 8-bit levels, `[height, width, channels]`. */
interface Levels {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** A tile of a sheet: a picture, a map, or nothing. */
export type Tile = Levels | undefined;

/** A map in colours: red for the class, blue against it, white where it is 0, full where its magnitude is the largest. */
export function mapTile(
  values: ArrayLike<number>,
  { height, width }: { readonly height: number; readonly width: number },
): Levels {
  let largest = 0;
  for (let i = 0; i < values.length; i++)
    if (Number.isFinite(values[i])) largest = Math.max(largest, Math.abs(values[i]));
  const data = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    const share = largest === 0 || !Number.isFinite(values[i]) ? 0 : values[i] / largest;
    const colour = share < 0 ? AGAINST : FOR;
    for (let c = 0; c < 3; c++) data[3 * i + c] = Math.round(255 + Math.abs(share) * (colour[c] - 255));
  }
  return { data, height, width, channels: 3 };
}

/** A colour of a point that a map belongs to. */
const POINT = [33, 102, 172] as const;

/**
 * A picture in grey with a map over it, red where the map is the largest, and the point that the map belongs to.
 *
 * @param map of places of the picture, at least 0
 * @param point row and column in pixels; undefined for none
 */
export function overlayTile(
  { data, height, width, channels }: NonNullable<Tile>,
  map: Grid,
  point: readonly [row: number, column: number] | undefined,
): NonNullable<Tile> {
  const values = enlarge(map, height, width);
  const largest = values.reduce((most, value) => Math.max(most, value), 0);
  const marked = point?.map((at) => Math.round(at));
  const tile = new Uint8Array(3 * height * width);
  for (let i = 0; i < height * width; i++) {
    let grey = 0;
    for (let c = 0; c < channels; c++) grey += data[i * channels + c] / channels;
    const share = largest === 0 ? 0 : values[i] / largest;
    const isPoint = marked !== undefined && i === marked[0] * width + marked[1];
    for (let c = 0; c < 3; c++)
      tile[3 * i + c] = isPoint ? POINT[c] : Math.round(grey + OVERLAY * share * (FOR[c] - grey));
  }
  return { data: tile, height, width, channels: 3 };
}

/** Share of a colour laid over a picture where its map is the largest. */
const OVERLAY = 0.8;

/** The picture that a testcase has for an input. */
export function pictureTile(input: number, imageFormat: ImageFormat, testcase: TestcaseData): Levels {
  const { shape } = testcase.form.inputs[input];
  const [height, width] = imageFormat.channelsFirst ? shape.slice(1) : shape;
  const data = valuesToLevels(inputValues(testcase, input), imageFormat);
  return { data, height, width, channels: imageFormat.channels };
}

/**
 * A PNG with tiles in rows, all as large as the first one; the same bytes for the same tiles.
 *
 * @param rows at least one, with a tile at least
 */
export async function sheetPng(rows: readonly (readonly Tile[])[]): Promise<Uint8Array> {
  const first = rows.flat().find((tile) => tile !== undefined);
  if (first === undefined) throw new Error('a sheet needs a tile');
  const scale = Math.max(1, Math.ceil(MIN_SIDE / Math.max(first.height, first.width)));
  const [height, width] = [scale * first.height, scale * first.width];
  const columns = Math.max(...rows.map(({ length }) => length));
  const sheetWidth = columns * width + (columns + 1) * GAP;
  const sheetHeight = rows.length * height + (rows.length + 1) * GAP;
  const data = new Uint8Array(3 * sheetWidth * sheetHeight).fill(210);
  rows.forEach((tiles, row) =>
    tiles.forEach((tile, column) => {
      if (tile === undefined) return;
      const left = GAP + column * (width + GAP);
      const top = GAP + row * (height + GAP);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) {
          const from = Math.floor(y / scale) * tile.width + Math.floor(x / scale);
          const to = (top + y) * sheetWidth + left + x;
          for (let c = 0; c < 3; c++)
            data[3 * to + c] = tile.data[from * tile.channels + (tile.channels === 1 ? 0 : c)];
        }
    }),
  );
  return sharp(data, { raw: { width: sheetWidth, height: sheetHeight, channels: 3 } })
    .png({ compressionLevel: 9, palette: false })
    .toBuffer();
}

/** A PNG of one tile, enlarged so that its pixels can be seen. */
export async function tilePng(tile: NonNullable<Tile>): Promise<Uint8Array> {
  const { data, width, height, channels } = tile;
  const scale = Math.max(1, Math.ceil(MIN_SIDE / Math.max(height, width)));
  return sharp(data, { raw: { width, height, channels } })
    .resize(scale * width, scale * height, { kernel: 'nearest' })
    .png({ compressionLevel: 9, palette: false })
    .toBuffer();
}
