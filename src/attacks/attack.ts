import { BoundsTracker, makeWorkingArray, type WorkingArray } from '../constraints/bounds.ts';
import type { ConstraintLimits } from '../constraints/constraint-limits.ts';
import { ConstraintProjector } from '../constraints/constraint-projector.ts';
import { UserError } from '../core/errors.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';
import type { SettingsContext } from '../extensions/settings.ts';
import type { InputDescriptor } from '../inputs/input-descriptor.ts';
import type { TestcaseData } from '../inputs/testcase.ts';
import { type Layout, layoutOf } from '../mutators/image/layout.ts';
import { type ClassAnswer, isConfidentError, NO_ANSWER } from '../objectives/class-answer.ts';
import { makeData, readNumber, writeNumber } from '../tensor/tensor.ts';
import type { LossKind } from './losses.ts';

/** An input that is attacked, and the class that it shows. */
export interface AttackedInput {
  /** Its number among the seeds: draws are keyed by it. */
  readonly index: number;
  readonly data: TestcaseData;
  readonly label: number;
  /** An input to which the model gives another class than this one's, for attacks that begin there. */
  readonly rival?: TestcaseData | undefined;
}

/** The worst input that an attack found near another. */
export interface AttackOutcome {
  readonly data: TestcaseData;
  readonly answer: ClassAnswer;
  /** Runs of the model up to the first confident mistake; all of them where there was none. */
  readonly queries: number;
}

/** An input that the model is asked about. */
export type Candidate = Pick<AttackedInput, 'data' | 'label'>;

/** Which gradient is asked for. */
export interface SlopeRequest {
  readonly loss: LossKind;
  /** Whether rounding counts as the identity; otherwise its gradient is 0. */
  readonly isStraightThrough: boolean;
}

/** An answer, and how a loss changes with the attacked input. */
export interface AnswerSlope {
  readonly answer: ClassAnswer;
  /** One value for each of the input. */
  readonly gradient: Float32Array;
}

/** Asks the model: a query for each candidate. */
export interface AttackOracle {
  /** The answers to candidates, in their order. */
  ask(candidates: readonly Candidate[]): Promise<readonly ClassAnswer[]>;
  /**
   * The answers to candidates with the gradients of a loss, in their order.
   *
   * @throws Error where the model has no gradients
   */
  differentiate(candidates: readonly Candidate[], request: SlopeRequest): Promise<readonly AnswerSlope[]>;
  /** Called with the share of the attack that is done. */
  onShare(share: number): void;
}

/** What an attack knows beside its parameters. Plain data, sent between processes. */
export interface AttackContext {
  /** Master seed. */
  readonly seed: string;
  /** The attacked input, and its place among the model's. */
  readonly descriptor: InputDescriptor;
  readonly position: number;
  /** Confidence from which the model answers. */
  readonly threshold: number;
  /** Queries for one input. */
  readonly queries: number;
  /** Largest L∞ distance that the settings allow, in values of the input; undefined for the attack's own. */
  readonly linf: number | undefined;
  /** Largest Euclidean distance that the settings allow; undefined for the attack's own. */
  readonly l2?: number | undefined;
  /** How far any testcase may be from its input, whatever the attack: the threat model's. */
  readonly limits?: Pick<ConstraintLimits, 'linf' | 'l2' | 'l0' | 'valid'> | undefined;
  /** A change of inputs before they are attacked. */
  readonly combine?: Combination | undefined;
  /** Runs of a model that is random; one of each by default. */
  readonly draws?: Draws | undefined;
}

/** How often a random model is run. */
export interface Draws {
  /** Runs whose scores an answer is the mean of. */
  readonly answer: number;
  /** Runs that a gradient is the mean of: expectation over transformation (Athalye, Engstrom, Ilyas & Kwok, ICML 2018). */
  readonly gradient: number;
}

/** Changes of an input before it is attacked. */
export const COMBINATIONS = ['random-spatial'] as const;

export type Combination = (typeof COMBINATIONS)[number];

/** What an attack is made of. */
export type AttackSettings = AttackContext & Pick<SettingsContext, 'words'>;

/** Searches for inputs on which a model is wrong and sure. */
export interface Attack {
  /**
   * Attacks inputs, each by itself: what it finds for one depends on no other.
   *
   * @returns an outcome for each input, in their order
   */
  run(inputs: readonly AttackedInput[], oracle: AttackOracle): Promise<readonly AttackOutcome[]>;
}

/** A kind of attack. */
export interface AttackKind extends ExtensionKind<Attack, AttackSettings> {
  /** Whether it changes inputs as pictures. */
  readonly needsPicture: boolean;
  /** Whether it takes so many queries that it is run only where it is asked for. */
  readonly isExpensive?: boolean;
  /** Whether it is a campaign of the fuzzer, which `make` does not make. */
  readonly isCampaign?: boolean;
  /** Whether it needs gradients of the model. */
  readonly needsGradient?: boolean;
  /** Whether it begins at an input of another class. */
  readonly needsRival?: boolean;
  /** Whether it may begin at an input that was rotated and shifted before. */
  readonly isCombinable?: boolean;
  /** Queries for one input at most. */
  maxQueries(context: Pick<AttackContext, 'descriptor' | 'queries'>, parameters: ParameterValues): number;
}

/** Whether an answer is worse for the model than another: a confident mistake, else one with a larger gap. */
export function isWorse(answer: ClassAnswer, other: ClassAnswer, threshold: number): boolean {
  const isError = isConfidentError(answer, threshold);
  return isError === isConfidentError(other, threshold) ? answer.gap > other.gap : isError;
}

/** Keeps the worst answer for an input. */
export class WorstFinder {
  readonly #threshold: number;
  #data: TestcaseData;
  #answer: ClassAnswer = NO_ANSWER;
  #queries = 0;

  constructor({ data }: Pick<AttackedInput, 'data'>, threshold: number) {
    this.#data = data;
    this.#threshold = threshold;
  }

  /** Whether there is a confident mistake: further queries are not needed. */
  get isDone(): boolean {
    return isConfidentError(this.#answer, this.#threshold);
  }

  get queries(): number {
    return this.#queries;
  }

  /** Counts a query about an input beyond the limits of the attack. */
  pass(): void {
    if (!this.isDone) this.#queries++;
  }

  /** Counts a query and takes its answer; true where it is worse than all before. */
  take(data: TestcaseData, answer: ClassAnswer): boolean {
    this.pass();
    if (!isWorse(answer, this.#answer, this.#threshold)) return false;
    this.#data = data;
    this.#answer = answer;
    return true;
  }

  get outcome(): AttackOutcome {
    return { data: this.#data, answer: this.#answer, queries: this.#queries };
  }
}

/**
 * The input that attacks change: the first picture, else the first input of numbers. Its place among the inputs.
 *
 * @throws UserError where the model takes neither
 */
export function attackedPosition(descriptors: readonly InputDescriptor[]): number {
  const picture = descriptors.findIndex((descriptor) => descriptor.picture !== undefined);
  const position =
    picture >= 0 ? picture : descriptors.findIndex(({ domains }) => domains.includes('numbers'));
  if (position < 0)
    throw new UserError('no input of the model takes pictures or numbers: nothing else is attacked');
  return position;
}

/** The values of one input of a testcase, and testcases with other values there. */
export class AttackedValues {
  readonly #position: number;
  readonly #descriptor: InputDescriptor;
  readonly #projector: ConstraintProjector;
  readonly #linf: number | undefined;

  /** @param radius Euclidean distance from the seed that no testcase is beyond, besides the limits of the settings */
  constructor(
    { position, descriptor, limits = {} }: Pick<AttackContext, 'position' | 'descriptor' | 'limits'>,
    radius?: number,
  ) {
    this.#linf = limits.linf;
    this.#position = position;
    this.#descriptor = descriptor;
    const descriptors = new Array<InputDescriptor>(position + 1).fill(descriptor);
    const sizes = descriptors.map(({ size }) => size);
    const l2 = smaller(radius, limits.l2);
    this.#projector = new ConstraintProjector(
      { l2, l0: limits.l0, valid: limits.valid },
      descriptors,
      [position],
      sizes,
    );
  }

  shapeOf({ form }: TestcaseData): readonly number[] {
    return form.inputs[this.#position].shape;
  }

  valuesOf({ form, inputs }: TestcaseData): WorkingArray {
    const { type, size } = form.inputs[this.#position];
    const values = makeWorkingArray(type, size);
    for (let i = 0; i < size; i++) values[i] = readNumber(type, inputs[this.#position], i);
    return values;
  }

  /** The testcase with other values, made legal and rounded to the input's type; as it is where that can't be done. */
  withValues(seed: TestcaseData, values: WorkingArray, bounds: BoundsTracker): TestcaseData {
    const { form, inputs } = seed;
    const { type, size } = form.inputs[this.#position];
    const data = makeData(type, size);
    for (let i = 0; i < size; i++)
      writeNumber(type, data, i, Math.min(bounds.high[i], Math.max(bounds.low[i], values[i])));
    const changed = inputs.with(this.#position, data);
    const around = inputs.map((_, i) => (i === this.#position ? bounds : undefined));
    const isLegal = this.#projector.project(form, changed, 0, around, seed, undefined);
    return isLegal ? { form, inputs: changed } : seed;
  }

  /** Legal values around a testcase's, within an L∞ distance. */
  boundsAround({ form, inputs }: TestcaseData, linf?: number): BoundsTracker {
    const { type, size } = form.inputs[this.#position];
    const { range, fixed, columns } = this.#descriptor;
    return new BoundsTracker(type, size, {
      range,
      fixed,
      columns,
      linf: smaller(linf, this.#linf),
    }).centreOn(inputs[this.#position]);
  }

  /** @throws Error where the input takes no pictures */
  layoutOf(testcase: TestcaseData): Layout {
    const { picture, name } = this.#descriptor;
    if (picture === undefined) throw new Error(`input ${name} takes no pictures`);
    return layoutOf(picture, this.shapeOf(testcase));
  }
}

/** The smaller of two limits, either of which may be absent. */
export function smaller(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
