import { scaleLinear, scaleLog } from 'd3-scale';
import { line } from 'd3-shape';

const WIDTH = 420;
const HEIGHT = 200;
const MARGIN = { left: 56, right: 14, top: 10, bottom: 34 };

/** A statistic over the number of mutants, or over another quantity. */
export interface ChartData {
  readonly title: string;
  readonly points: readonly (readonly [at: number, value: number])[];
  /** Whether the vertical axis is logarithmic. */
  readonly log?: boolean;
  /** What the horizontal axis shows; mutants where it is absent. */
  readonly axis?: string;
  /** Whether the values are counts, which have whole ticks. */
  readonly isCount?: boolean;
  /** Where the vertical axis begins; 0, or the least value of a logarithmic axis, by default. */
  readonly low?: number;
}

const compactNumber = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

/** Magnitude below which a number is written with an exponent: all its zeros would not fit beside the axis. */
const MIN_COMPACT = 1e-3;

function compact(value: number): string {
  return value !== 0 && Math.abs(value) < MIN_COMPACT ? value.toExponential(1) : compactNumber.format(value);
}

/** A line chart. */
export function Chart({ title, points, log = false, axis, isCount = false, low: start }: ChartData) {
  const drawable = points.filter(([, value]) => Number.isFinite(value) && (!log || value > 0));
  if (drawable.length === 0) return null;
  const values = drawable.map(([, value]) => value);
  const last = drawable[drawable.length - 1];
  const x = scaleLinear([0, last[0] > 0 ? last[0] : 1], [MARGIN.left, WIDTH - MARGIN.right]);
  const heights: [number, number] = [HEIGHT - MARGIN.bottom, MARGIN.top];
  const low = start ?? (log ? Math.min(...values) / 1.5 : 0);
  const high = start === undefined ? (Math.max(...values) || 1) * (log ? 1.5 : 1.05) : Math.max(...values);
  const y = log ? scaleLog([low, high], heights) : scaleLinear([low, high], heights);
  const path = line<readonly [number, number]>(
    ([at]) => x(at),
    ([, value]) => y(value),
  )(drawable);
  const ticks = log ? [Math.min(...values), Math.max(...values)] : wholeIf(isCount, y.ticks(4));
  const axisLabel = axis ?? 'mutants';
  return (
    <figure>
      <figcaption style="max-width:none">{title}</figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${title}: ${compact(last[1])} at ${compact(last[0])} (${axisLabel})`}
      >
        {[...new Set(ticks)].map((tick) => (
          <g key={tick}>
            <path class="axis" d={`M${MARGIN.left},${y(tick)}H${WIDTH - MARGIN.right}`} />
            <text class="soft" x={MARGIN.left - 6} y={y(tick) + 4} text-anchor="end">
              {compact(tick)}
            </text>
          </g>
        ))}
        {wholeIf(axis === undefined, x.ticks(4)).map((tick) => (
          <text key={tick} class="soft" x={x(tick)} y={HEIGHT - MARGIN.bottom + 16} text-anchor="middle">
            {compact(tick)}
          </text>
        ))}
        <text class="soft" x={(MARGIN.left + WIDTH) / 2} y={HEIGHT - 4} text-anchor="middle">
          {axisLabel}
        </text>
        <path class="curve" d={path ?? ''} />
        <circle class="dot" cx={x(last[0])} cy={y(last[1])} r="3.5" />
      </svg>
    </figure>
  );
}

/** Of the ticks of counts those that are whole numbers. */
function wholeIf(isCount: boolean, ticks: readonly number[]): readonly number[] {
  return isCount ? ticks.filter(Number.isInteger) : ticks;
}

const BAR_HEIGHT = 16;
const LABEL_WIDTH = 180;

/** A horizontal bar chart; bars marked as `low` are highlighted. */
export function Bars({
  title,
  bars,
}: {
  readonly title: string;
  readonly bars: readonly {
    readonly label: string;
    readonly value: number;
    readonly shown: string;
    readonly low: boolean;
  }[];
}) {
  const maximum = Math.max(...bars.map(({ value }) => value), Number.MIN_VALUE);
  const x = scaleLinear([0, maximum], [0, WIDTH - LABEL_WIDTH - 70]).clamp(true);
  return (
    <svg class="bars" viewBox={`0 0 ${WIDTH} ${bars.length * BAR_HEIGHT + 4}`} role="img" aria-label={title}>
      {bars.map(({ label, value, shown, low }, i) => (
        <g key={i} transform={`translate(0,${i * BAR_HEIGHT})`}>
          <text class="soft" x={LABEL_WIDTH - 6} y="12" text-anchor="end">
            {label.length > 28 ? `…${label.slice(-27)}` : label}
          </text>
          <rect
            class={low ? 'bar low' : 'bar'}
            x={LABEL_WIDTH}
            y="3"
            width={Math.max(1, x(value))}
            height="10"
          />
          <text x={LABEL_WIDTH + Math.max(1, x(value)) + 5} y="12">
            {shown}
          </text>
        </g>
      ))}
    </svg>
  );
}
