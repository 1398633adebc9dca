import type { GainBound } from '../../analysis/spectral/gain-bound.ts';
import type { SeenPair } from '../../analysis/spectral/seen-gain.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { WeightComparisonReport } from '../../model-commands/layers/compare-spectral.ts';
import type { SpectralReport } from '../../model-commands/layers/spectral.ts';
import { shapeText } from '../../tensor/tensor.ts';
import { table } from './table.ts';

const DIGITS = 4;

/** Share by which rounding may take what was seen above the upper bound. */
const BOUND_ROUNDING = 1e-3;

/** What `inspect --spectral` prints. */
export function spectralLines(report: SpectralReport): string[] {
  const { model, layers, unread, gain, seen, expected, off, notes } = report;
  return [
    `${model.path}: ${plural(layers.length, 'weight')} of two dimensions or more`,
    ...(layers.length === 0 ? [] : weightTable(report)),
    ...unread.map(({ weight, layer, why }) => `not measured: ${weight} of ${layer}: ${why}`),
    ...gainLines(gain),
    ...(seen === null
      ? []
      : [
          `most seen    ${formatNumber(seen.ratio, DIGITS)} over ${plural(seen.pairs, 'pair')}: ${pairText(seen.of)}`,
          ...(gain.bound !== null && seen.ratio > gain.bound * (1 + BOUND_ROUNDING)
            ? ['the upper bound does not hold: more was seen. Please report the model']
            : []),
        ]),
    ...notes.map((note) => `note: ${note}`),
    ...(expected === null
      ? []
      : [
          off.length === 0
            ? `every σ that was measured is within 2 % of ${formatNumber(expected)}`
            : `σ is not within 2 % of ${formatNumber(expected)}: ${off.join(', ')}`,
        ]),
  ];
}

function weightTable({ layers }: SpectralReport): string[] {
  return table([
    ['weight', 'operation', 'shape', 'σ', 'operator norm', 'σ₂/σ', 'Frobenius', 'stable rank', 'dead rows'],
    ...layers.map((layer) => [
      layer.weight,
      layer.op,
      shapeText(layer.shape),
      layer.sigma === null ? 'not finite' : formatNumber(layer.sigma, DIGITS),
      numberOr(layer.operatorNorm, ''),
      numberOr(layer.secondRatio, ''),
      numberOr(layer.frobenius, ''),
      numberOr(layer.stableRank, ''),
      layer.deadRows === 0 ? '' : formatCount(layer.deadRows),
    ]),
  ]);
}

function pairText(of: SeenPair): string {
  if ('finding' in of) return `finding ${of.finding} and its seed`;
  const { testcase, noise } = of;
  return `seed ${testcase} and ${noise === null ? 'the next one' : `noise of ${formatNumber(100 * noise)} % of the range`}`;
}

function numberOr(value: number | null, otherwise: string): string {
  return value === null ? otherwise : formatNumber(value, DIGITS);
}

/** Most operations of the path that are listed. */
const MAX_STEPS = 12;

function gainLines({ tensor, bound, path, stops }: GainBound): string[] {
  const shown = path.slice(0, MAX_STEPS).map(({ name, gain }) => `${name} ${formatNumber(gain, DIGITS)}`);
  const rest = path.length - shown.length;
  const product = shown.length === 0 ? '' : `: ${shown.join(' × ')}${rest > 0 ? ` × ${rest} more` : ''}`;
  if (bound !== null)
    return [`upper bound  ${formatNumber(bound, DIGITS)} on |Δ ${tensor}| / ‖Δ inputs‖${product}`];
  const named = stops.slice(0, MAX_STEPS).map(({ name, op, before }) => {
    const known = before === null ? 'it reads whole numbers' : `${formatNumber(before, DIGITS)} before it`;
    return `${op} ${name} (${known})`;
  });
  const more = stops.length - named.length;
  return [
    `upper bound  none on |Δ ${tensor}| / ‖Δ inputs‖: no gain is known of ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
    ...(product === '' ? [] : [`before it    ${product.slice(2)}`]),
  ];
}

/** What `compare --spectral` prints. */
export function weightDifferenceLines(report: WeightComparisonReport): string[] {
  const { reference, copy, weights, unmatched, unmatchedInCopy } = report;
  return [
    `${reference.path} and ${copy.path}: ${plural(weights.length, 'weight')}, σ of the difference over σ of the reference`,
    ...table([
      ['weight', 'operation', 'size', 'difference', 'σ', 'difference/σ'],
      ...weights.map(({ weight, copy: other, op, rows, columns, sigma, difference, ratio }) => [
        other === weight ? weight : `${weight} = ${other}`,
        op,
        `${rows}×${columns}`,
        numberOr(difference, 'not finite'),
        numberOr(sigma, 'not finite'),
        ratio === null ? '' : `${formatNumber(100 * ratio, DIGITS)} %`,
      ]),
    ]),
    ...unmatched.map((weight) => `no counterpart in the copy: ${weight}`),
    ...unmatchedInCopy.map((weight) => `no counterpart in the reference: ${weight}`),
  ];
}
