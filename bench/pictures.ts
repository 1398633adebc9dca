/**
 * Draws docs/images/<mutator>.png for every mutator of pictures: the same digit and the same photograph-like scene,
 * before and after; for corruptions at severities 1, 3 and 5. All of it is drawn by code. Before that, docs/images/report*.png and
 * view*.png: reports and the live page in Chromium; and docs/images/status*.png: the status screen on terminals of three widths,
 * and night*.png: the report of a night in a wide window and on a phone, and its screen.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { drawDigit } from '../corpora/nan-digits/digits.ts';
import { BoundsTracker } from '../src/constraints/bounds.ts';
import { randomStream } from '../src/core/random.ts';
import { parameterValues } from '../src/extensions/parameters.ts';
import type { ImageFormat } from '../src/inputs/image.ts';
import type { InputDescriptor } from '../src/inputs/input-descriptor.ts';
import type { MutatorKind } from '../src/mutators/mutator.ts';
import { MUTATOR_GROUPS, makeMutator } from '../src/mutators/registry.ts';
import { NoisePool } from '../src/mutators/simd/noise-pool.ts';
import { drawNightPictures } from './night-pictures.ts';
import { drawReportPictures } from './report-pictures.ts';
import { drawScene } from './scene.ts';
import { drawStatusPictures } from './status-pictures.ts';
import { drawViewPictures } from './view-pictures.ts';

const { values: options } = parseArgs({
  options: {
    out: { type: 'string', default: 'docs/images' },
    /** Kinds of pictures, separated by commas; all by default. */
    only: { type: 'string' },
  },
});

const wants = (kind: 'mutators' | 'night' | 'report' | 'status' | 'view'): boolean =>
  options.only?.split(',').includes(kind) ?? true;

/** Side of a tile, and what lies between two. */
const TILE = 112;
const GAP = 4;

interface Subject {
  readonly input: InputDescriptor;
  readonly shape: readonly [number, number, 1 | 3];
  readonly levels: Float32Array;
}

function subject(side: number, channels: 1 | 3, levels: Float32Array): Subject {
  const each = (value: number): number[] => new Array(channels).fill(value);
  const picture: ImageFormat = {
    height: side,
    width: side,
    channels,
    channelsFirst: false,
    bgr: false,
    resize: 'crop',
    black: each(0),
    white: each(1),
  };
  const input: InputDescriptor = {
    name: 'picture',
    type: 'float32',
    domains: ['image', 'numbers'],
    size: levels.length,
    range: { low: 0, high: 1 },
    picture,
    columns: undefined,
    fixed: undefined,
    tokens: undefined,
  };
  return { input, shape: [side, side, channels], levels };
}

const digit = drawDigit(5, randomStream('pictures', 'digit')).map((value) => (value + 1) / 2);
const SUBJECTS = [subject(28, 1, digit), subject(TILE, 3, drawScene(TILE))];

/** One mutant of a subject. */
function mutant(
  kind: MutatorKind,
  { input, shape, levels }: Subject,
  severity: number,
  key: string,
): Float32Array {
  const noise = new NoisePool('pictures');
  const random = randomStream('pictures', kind.name, key);
  noise.refresh(random);
  const bounds = new BoundsTracker('float32', levels.length, { range: input.range });
  const values = new Map(severity > 0 ? [['severity', severity]] : []);
  const out = new Float32Array(levels.length);
  const { vectorMath } = noise;
  const given = {
    random,
    noise,
    arithmetic: vectorMath,
    bounds,
    shape,
    partner: levels,
    mutantIndex: 0,
    mutantCount: 8,
  };
  makeMutator({ spec: kind.name, kind, values: parameterValues(values) }, input).mutate(
    out,
    0,
    levels,
    given,
  );
  vectorMath.clip(out, 0, out.length, bounds);
  return out;
}

async function tile({ shape: [height, width, channels] }: Subject, levels: Float32Array): Promise<Buffer> {
  const data = Uint8Array.from(levels, (level) => Math.round(255 * level));
  return sharp(data, { raw: { width, height, channels } })
    .resize(TILE, TILE, { kernel: 'nearest' })
    .toColourspace('srgb')
    .png()
    .toBuffer();
}

async function draw(kind: MutatorKind, severities: readonly number[]): Promise<void> {
  const tiles: Buffer[] = [];
  for (const one of SUBJECTS) {
    tiles.push(await tile(one, one.levels));
    for (const [n, severity] of severities.entries())
      tiles.push(await tile(one, mutant(kind, one, severity, String(n))));
  }
  const width = tiles.length * (TILE + GAP) - GAP;
  await sharp({ create: { width, height: TILE, channels: 3, background: '#ffffff' } })
    .composite(tiles.map((input, i) => ({ input, left: i * (TILE + GAP), top: 0 })))
    .png({ palette: true, colours: 128, compressionLevel: 9 })
    .toFile(join(options.out, `${kind.name}.png`));
}

await mkdir(options.out, { recursive: true });
if (wants('status')) await drawStatusPictures(options.out);
if (wants('report')) await drawReportPictures(options.out);
if (wants('night')) await drawNightPictures(options.out);
if (wants('view')) await drawViewPictures(options.out);
for (const { name, kinds } of MUTATOR_GROUPS) {
  if (!wants('mutators')) break;
  const ofPictures = kinds.filter(({ domains }) => domains.includes('image'));
  for (const kind of ofPictures) await draw(kind, name === 'corruptions' ? [1, 3, 5] : [0, 0, 0]);
}
