import type { Origin, OriginDetails } from '../analysis/nonfinite-localizer.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import type { ExtensionKind } from '../extensions/registry.ts';
import type { SettingsContext, SettingsGrammar } from '../extensions/settings.ts';
import type { BatchedModel, BatchResult, BatchTensor } from '../model/batched-model.ts';
import type { Completion } from '../model/language/completion.ts';
import type { CandidateContinuation } from '../model/language/prefilled-prompts.ts';
import type { Model } from '../model/model.ts';
import type { TestcaseBatch } from '../model/testcase-batch.ts';

/** Version of signatures, raised when a violation's signature changes. */
export const SIGNATURE_VERSION = 4;

/** A value of a violation's details: plain data, as JSON has it. */
export type Detail = string | number | boolean | readonly Detail[] | { readonly [name: string]: Detail };

/** A row of a batch that violates an objective. */
export interface Violation {
  readonly objective: string;
  /** Identifies the fault: objective, kind and place. Short, stable, and legal as a folder's name. */
  readonly signature: string;
  /** The signature by the tensor it was seen in, where `signature` names the operation where it begins. */
  readonly symptom?: string;
  /** One line for people. */
  readonly summary: string;
  /** Inner tensors that the violation was seen in: those that a confirming run must watch. */
  readonly tensors: readonly string[];
  /** The violation for programs: tensors, indices, values. */
  readonly details: Readonly<Record<string, Detail>>;
  /** What judges say of the input; absent where none were asked. */
  readonly judges?: readonly JudgeOpinion[];
}

/** What a judge says of an input. */
export interface JudgeOpinion {
  /** The judge as the settings name it. */
  readonly model: string;
  /** The class that it gives; −1 where it gives none. */
  readonly class: number;
  /** Its softmax share of that class. */
  readonly share: number;
  /** Whether it gives the seed's class with the share that is asked for. */
  readonly isSure: boolean;
}

/** A further run of the same testcases, whose answers should be the same: see `runAgain`. */
export type RerunKind = 'again' | 'order' | 'alone' | 'threads';

/** Outputs of a further run, in the order of the rows, and the error of each row that failed. */
export interface RerunOutputs {
  readonly outputs: readonly BatchTensor[];
  readonly failures: ReadonlyMap<number, string>;
}

/** What an objective measured of each row by further runs. */
export interface Measurement {
  readonly values: Float64Array;
  /** Why it can't measure the model, a clause for people. */
  readonly refusal?: string;
}

/** One run of the model as objectives judge it, row by row. */
export interface JudgedBatch extends BatchResult {
  /** Class label of each row's seed; below 0 if it is unknown. Absent without labels. */
  readonly labels?: ArrayLike<number>;
  /** Result of the same rows after the objective's metamorphic transform; absent if it has none. */
  readonly transformed?: BatchResult;
  /** Error of the transformed row, if the model could not run it; the batch is this row alone then. */
  readonly transformedError?: string;
  /** Further runs of the same rows, of the kinds that the model has; absent unless an objective has `reruns`. */
  readonly reruns?: ReadonlyMap<RerunKind, RerunOutputs>;
  /** What `Objective.measure` gave; absent from objectives without it. */
  readonly measured?: Measurement;
  /** Of each row, the margin that `Objective.predictMargins` gave, and its index among the margins. */
  readonly predictedMargins?: { readonly margins: ArrayLike<number>; readonly indices: ArrayLike<number> };
  /** Results of the numerical site that the run is directed at; absent from other runs. */
  readonly siteTensors?: readonly BatchTensor[];
  /** Seconds that the run took, and the usual time of its shape. Absent unless an objective has `timed`. */
  readonly time?: { readonly took: number; readonly usual: number };
}

/** How a distance from a violation changes with the values that it is measured by: derivatives by the names of tensors. */
export interface MarginSlope {
  /** The violation lies where it reaches 0; in the unit of the derivatives. */
  readonly distance: number;
  /** Of outputs and inner tensors, a derivative for each value of the row. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** Of the outputs for the transformed testcase. */
  readonly transformed?: ReadonlyMap<string, Float32Array>;
  /** Where the violation lies beside 0; absent where it begins at 0. */
  readonly beyond?: BesideTie;
}

/**
 * Where two models disagree, beside a tie of two classes in the first. Plain data, in the unit of the distance from the tie.
 */
export interface BesideTie {
  /**
   * How much larger the distance is in the second model: if that stays as it is, the models disagree where the distance of the first
   * lies between 0 and −lead.
   */
  readonly lead: number;
  /** Distance from the tie within which they may disagree since the lead varies; positive. */
  readonly spread: number;
}

/** What an objective may choose its tensors by. */
export type ModelTensors = Pick<Model, 'inputs' | 'outputs' | 'graph' | 'watchable'>;

/** Decides which rows of a run violate a property. */
export interface Objective {
  /** Unique within a campaign; signatures are this name, or begin with it and a hyphen; `isSignatureOf` knows the exception. */
  readonly name: string;
  /** Tensors that it reads beside the outputs; the inner ones are watched for it. */
  readonly tensors?: readonly string[];
  /** Tensors that it reads beside those, of a model whose graph tells which; called before any run. */
  chooseTensors?(model: ModelTensors): readonly string[];
  /** Metamorphic transform: specs of the mutators that change rows for a second run. Absent if it needs none. */
  readonly change?: readonly string[] | undefined;
  /** Further runs of the same testcases that it compares with the first; absent if it needs none. */
  readonly reruns?: readonly RerunKind[];
  /** Whether it needs the class labels of seeds. */
  readonly labelled?: boolean;
  /** Whether it judges what numerical sites make, in runs that are directed at one. */
  readonly judgesSites?: boolean;
  /** Whether it needs the time of runs; batches are of one row then. */
  readonly timed?: boolean;
  /** Path of the plug-in module; absent for built-in objectives. */
  readonly plugin?: string;
  /** Why seeds that violate it are left out instead of being findings, a clause for people; absent if they are findings. */
  readonly seedExemption?: string | undefined;
  /**
   * Judges every row of a run. Must depend on the row alone, so that a testcase gets one verdict whatever
   * batch it ran in.
   *
   * @param report called at most once a row, in row order
   */
  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void;
  /**
   * Whether a violation says that its seed is broken: the campaign then keeps an account of each seed. Absent if violations
   * say nothing about seeds.
   */
  breaksSeed?(violation: Violation): boolean;
  /**
   * Measures each row by further runs of the model or its second one, for `judge`. What it gives for a row may depend on that row alone.
   *
   * @throws Error where the runtime fails
   */
  measure?(model: BatchedModel, testcases: TestcaseBatch, run: JudgedBatch): Promise<Measurement>;
  /** Why it can't judge runs like this one, a clause for people; undefined if it can. */
  refuses?(run: JudgedBatch): string | undefined;
  /**
   * Distances of a row from a violation, one for each way to violate: 0 at the violation, infinite if unknown. At most
   * `MAX_MARGINS`, and as many for every row. Absent if the objective has no measure of distance.
   *
   * @param out receives the margins
   * @returns their number
   */
  margins?(run: JudgedBatch, row: number, out: Float64Array): number;
  /**
   * The slope of the distance that one of a row's margins measures; undefined where it has none. Without this method slopes are
   * taken by differences of `margins`.
   *
   * @param index of the margin
   * @param rank where any of the margins of the two sides of boundaries will do: the place of the boundary, the nearest first
   */
  marginSlope?(run: JudgedBatch, row: number, index: number, rank?: number): MarginSlope | undefined;
  /**
   * Whether margins i and i + `TWO_SIDED_MARGINS` / 2 measure the two sides of one decision boundary: between a row where
   * one is 0 and a row where the other is 0 there is a violation.
   */
  readonly isTwoSided?: boolean;
  /** Whether it tells ties from other disagreements, by the noise of a pair of models. */
  readonly tellsTies?: boolean;
  /**
   * The signature that each margin leads to: the search leaves margins whose signature has enough findings. Absent if a
   * margin may lead to any.
   */
  readonly marginSignatures?: readonly string[];
  /**
   * Computes margins by further runs of the model. Absent if the run itself gives all margins.
   *
   * @param wanted of each row, the index of its margin
   * @param marginsToBeat of each row, the margin above which the exact value does not matter
   * @returns the rows' margins; those at `marginsToBeat` or above may be infinite
   */
  predictMargins?(
    model: BatchedModel,
    run: JudgedBatch,
    wanted: ArrayLike<number>,
    marginsToBeat: ArrayLike<number>,
  ): Promise<Float64Array>;
  /**
   * The continuations of prompts whose likelihood the margins measure, for their gradients. Absent where margins measure something
   * else.
   *
   * @param wanted of each prompt, the index of its margin
   * @returns undefined for a prompt that no continuation violates the objective after
   */
  continuations?(
    prompts: readonly Completion[],
    wanted: ArrayLike<number>,
  ): readonly (CandidateContinuation | undefined)[];
  /** Whether `predictMargins` can use the prompt alone, before any token is generated. */
  readonly predictsBeforeOutput?: boolean;
  /** Names a violation after the operation where it begins. Absent if violations have no such operation. */
  attribute?(violation: Violation, origin: Origin): Violation;
  /** Adds the operands of that operation to the summary. */
  explain?(violation: Violation, origin: OriginDetails): Violation;
}

/** Maximum number of margins of a row. */
export const MAX_MARGINS = 64;

/** Number of margins that an objective with `isTwoSided` has for the two sides of boundaries. */
export const TWO_SIDED_MARGINS = 32;

/** A kind of objective. */
export interface ObjectiveKind extends ExtensionKind<Objective, SettingsContext> {
  /** Whether it compares the model with a second one. */
  readonly needsSecondModel?: boolean;
  /** Whether the second model is a copy with random layers, which is derived where no other one is given. */
  readonly derivesCopy?: boolean;
  /** Whether its violations break seeds: see `Objective.breaksSeed`. */
  readonly breaksSeeds?: boolean;
  /** The kinds of rule that its text may begin with, each with settings of its own. */
  readonly rules?: readonly (Pick<ExtensionKind<unknown, never>, 'name' | 'help'> & SettingsGrammar)[];
  /** @throws UserError if the settings make no sense together */
  make(values: ParameterValues, context: SettingsContext): Objective;
}

/** The name of an objective: its kind, and the name that its spec gives it, if any. */
export function instanceName(kind: string, name: string): string {
  return name === '' ? kind : `${kind}-${name}`;
}

/**
 * Signatures of an infinity, or of the NaN beside one, that later operations absorb, so that all outputs are finite. They
 * belong to the objective `nonfinite` and rank below all others.
 */
const ABSORBED_PATTERN = /^absorbed-(?:inf|nan)-/;

/** The signature of a value that an operation makes and later ones absorb. */
export function absorbedSignature(kind: 'inf' | 'nan', slugOfPlace: string): string {
  return `absorbed-${kind}-${slugOfPlace}`;
}

/** Whether a signature is of such a value that no output shows. */
export function isAbsorbed(signature: string): boolean {
  return ABSORBED_PATTERN.test(signature);
}

/** What signatures of ties begin with: two models disagree, and one of them has no lead beyond its noise. */
const TIE_PREFIX = /^(quantization|differential)-tie-/;

/**
 * The signature of a tie. The word stands right behind the kind, so that no output's name looks like it.
 *
 * @param name of the objective, which begins with its kind
 */
export function tieSignature(kind: string, name: string, slugOfPlace: string): string {
  return `${kind}-tie${name.slice(kind.length)}-${slugOfPlace}`;
}

/** Whether a signature is of a tie: it is counted, ranks below all faults, and is none. */
export function isTie(signature: string): boolean {
  return TIE_PREFIX.test(signature);
}

/** Which of the judges that `--judge` names find the seed's class clear in a wrong answer's input: none of them, or not all. */
export const JUDGE_VERDICTS = ['unclear', 'disputed'] as const;

export type JudgeVerdictName = (typeof JUDGE_VERDICTS)[number];

/** What signatures of wrong answers begin with that judges do not find clear. */
const VERDICT_PREFIX = new RegExp(`^(misclassified|confident-error)-(${JUDGE_VERDICTS.join('|')})(?=-|$)`);

/** The signature of a wrong answer that judges do not all find clear: the word stands right behind the kind. */
export function judgedSignature(kind: string, signature: string, verdict: JudgeVerdictName): string {
  return signature.startsWith(kind) ? `${kind}-${verdict}${signature.slice(kind.length)}` : signature;
}

/** A signature as the objective gives it, before judges were asked. */
export function withoutVerdict(signature: string): string {
  return signature.replace(VERDICT_PREFIX, '$1');
}

/** What violations of a signature are that is counted and is no fault; undefined for a fault's. */
export function noFaultName(signature: string): 'tie' | JudgeVerdictName | undefined {
  if (isTie(signature)) return 'tie';
  const verdict = VERDICT_PREFIX.exec(signature)?.[2];
  return JUDGE_VERDICTS.find((name) => name === verdict);
}

/** Whether violations of a signature are no faults: ties, and wrong answers that judges do not find clear. */
export function isNoFault(signature: string): boolean {
  return noFaultName(signature) !== undefined;
}

/** Why violations of a signature are no faults, a clause for people; empty for a fault's. */
export function noFaultReason(signature: string): string {
  const name = noFaultName(signature);
  if (name === undefined) return '';
  if (name === 'tie') return 'a tie is not a fault';
  return name === 'unclear'
    ? "no judge is sure of the seed's class"
    : "the judges do not agree on the seed's class";
}

/** Whether a signature belongs to an objective. */
export function isSignatureOf(signature: string, name: string): boolean {
  return (
    signature === name ||
    signature.startsWith(`${name}-`) ||
    withoutVerdict(signature) === name ||
    withoutVerdict(signature).startsWith(`${name}-`) ||
    signature.replace(TIE_PREFIX, '$1-').startsWith(`${name}-`) ||
    (name === 'nonfinite' && isAbsorbed(signature))
  );
}

/** A tensor's name as a part of a signature: at most 40 letters, digits, `_`, `.` and `-`. */
export function slug(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_.-]+/g, '_').replace(/^[._-]+|[._-]+$/g, '');
  return safe.slice(-40) || 'tensor';
}
