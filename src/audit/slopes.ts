import type { AttackContext, AttackedInput, AttackOracle } from '../attacks/attack.ts';
import { AttackedValues } from '../attacks/attack.ts';
import type { LossKind } from '../attacks/losses.ts';
import { ModelOracle } from '../attacks/run-attack.ts';
import { drawNormal, type Random, randomStream } from '../core/random.ts';
import { spanOf } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import type { BatchedModel } from '../model/batched-model.ts';
import type { AnswerRule } from '../objectives/confident-error.ts';
import { cosineSimilarity } from '../objectives/output-difference.ts';
import { DTYPES, readNumber, type TensorData } from '../tensor/tensor.ts';

/** Random directions of an input along which differences are taken. */
const DIRECTIONS = 32;

/** Lengths of a step either way, as shares of the span: as gradients are checked, and to tell steps of a staircase. */
const LENGTH = 0.05;
const SHORT_LENGTH = 0.005;

/** What a gradient is: `zero` in all values, `broken` where some are not finite. */
export type GradientState = 'fine' | 'zero' | 'broken';

/** What is measured about the slope of a model at one input. */
export interface SlopeFacts {
  /** Of the gradients of losses, in the precision of the model; absent for a model without gradients. */
  readonly gradients?: Readonly<Record<'cross-entropy' | 'dlr', GradientState>>;
  /** Cosine of the changes that the gradient forecasts along the directions and those that are seen; absent as `gradients`. */
  readonly cosine?: number;
  /** Whether no score changes along any direction: by short steps, and by steps of the usual length. */
  readonly isFlat: { readonly short: boolean; readonly usual: boolean };
}

/** Inputs whose slopes are measured. Plain data, sent between processes. */
export interface SlopeFactsRequest {
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  readonly context: AttackContext;
  readonly hasGradient: boolean;
}

/**
 * Measures the slope of the gap between the best wrong class and the right one: by the gradient that an attacker gets, and by
 * differences.
 *
 * @param maxRows testcases in one run of the model
 * @param onProgress called after runs of the model
 * @returns facts for each input, in their order
 */
export async function measureSlopes(
  model: BatchedModel,
  { inputs, rule, context, hasGradient }: SlopeFactsRequest,
  maxRows: number,
  onProgress: (share?: number) => void,
): Promise<readonly SlopeFacts[]> {
  const oracle = new ModelOracle(model, { rule, context, maxRows }, onProgress);
  const gradientsOf = async (loss: LossKind): Promise<readonly Float32Array[] | undefined> =>
    hasGradient
      ? (await oracle.differentiate(inputs, { loss, isStraightThrough: false })).map(
          ({ gradient }) => gradient,
        )
      : undefined;
  const crossEntropy = await gradientsOf('cross-entropy');
  const dlr = await gradientsOf('dlr');
  const gap = await gradientsOf('margin');
  const facts: SlopeFacts[] = [];
  for (const [i, input] of inputs.entries()) {
    const usual = await differencesOf(input, oracle, context, LENGTH);
    const short = await differencesOf(input, oracle, context, SHORT_LENGTH);
    facts.push({
      isFlat: { short: isZero(short.seen), usual: isZero(usual.seen) },
      ...(crossEntropy && dlr && gap
        ? {
            gradients: { 'cross-entropy': stateOf(crossEntropy[i]), dlr: stateOf(dlr[i]) },
            cosine: forecastCosine(gap[i], usual),
          }
        : {}),
    });
  }
  return facts;
}

/** What is seen along the directions of an input. */
interface Differences {
  /** By direction, how the input differs between both ends. */
  readonly moves: readonly Float64Array[];
  /** By direction, how the gap differs. */
  readonly seen: Float64Array;
}

async function differencesOf(
  { data, label, index }: AttackedInput,
  oracle: AttackOracle,
  context: AttackContext,
  share: number,
): Promise<Differences> {
  const { descriptor, position, seed } = context;
  const values = new AttackedValues(context);
  const bounds = values.boundsAround(data);
  const at = values.valuesOf(data);
  const random = randomStream(seed, 'directions', index);
  const ends = Array.from({ length: DIRECTIONS }, () => {
    const direction = drawDirection(random, at.length, DTYPES[descriptor.type].kind === 'float');
    const length = DTYPES[descriptor.type].kind === 'float' ? share * spanOf(descriptor) : 1;
    // Legal values alone: at the end of the range a difference is one-sided.
    return [length, -length].map((by) =>
      values.withValues(
        data,
        at.map((value, i) => value + by * direction[i]),
        bounds,
      ),
    );
  });
  const answers = await oracle.ask(ends.flat().map((end) => ({ data: end, label })));
  const numbersOf = ({ inputs }: TestcaseData): TensorData => inputs[position];
  return {
    moves: ends.map(([high, low]) =>
      Float64Array.from(
        at,
        (_, i) =>
          readNumber(descriptor.type, numbersOf(high), i) - readNumber(descriptor.type, numbersOf(low), i),
      ),
    ),
    seen: Float64Array.from(ends, (_, k) => {
      const difference = answers[2 * k].gap - answers[2 * k + 1].gap;
      return Number.isFinite(difference) ? difference : 0;
    }),
  };
}

/** A direction of length 1; for whole numbers one of ±1 for each, since shorter steps are rounded away. */
function drawDirection(random: Random, size: number, isFloat: boolean): Float64Array {
  if (!isFloat) return Float64Array.from({ length: size }, () => 2 * random.below(2) - 1);
  const direction = Float64Array.from({ length: size }, () => drawNormal(random));
  const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
  return direction.map((value) => value / length);
}

/** 0 where nothing is forecast, or nothing is seen. */
function forecastCosine(gradient: Float32Array, { moves, seen }: Differences): number {
  const forecast = Float64Array.from(moves, (move) =>
    move.reduce((sum, value, i) => sum + (Number.isFinite(gradient[i]) ? gradient[i] * value : 0), 0),
  );
  return isZero(forecast) ? 0 : cosineSimilarity(forecast, seen);
}

function stateOf(gradient: Float32Array): GradientState {
  if (!gradient.every(Number.isFinite)) return 'broken';
  return isZero(gradient) ? 'zero' : 'fine';
}

function isZero(values: Float32Array | Float64Array): boolean {
  return values.every((value) => value === 0);
}
