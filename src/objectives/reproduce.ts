import { reason } from '../errors.ts';
import { type Departures, departuresOf } from '../models/departure.ts';
import type { Origin, OriginDetails } from '../models/localise.ts';
import type { NamedTensor } from '../models/model.ts';
import type { RowModel, RowResult, Rows, RowTensor } from '../models/rows.ts';
import { bytesOf, copyOf, rowsOf } from '../models/tensor.ts';
import { dependsOnMachine, failedRun } from './failure.ts';
import type { Objective, Violation } from './objective.ts';
import { type Placed, Placer } from './placing.ts';

/** How often a finding is run again. */
const RUNS = 10;

/** How often one that takes the whole time limit, or all of the memory, is. */
const COSTLY_RUNS = 2;

/** How often a finding of an objective is run again. */
export function runsOf(objective: string): number {
  return dependsOnMachine(objective) ? COSTLY_RUNS : RUNS;
}

/** How running a testcase again went. */
export interface Reproduction {
  /** Runs that gave the signature, of so many. */
  readonly times: number;
  readonly of: number;
  /** Other signatures that came up instead. */
  readonly others: readonly string[];
  /** Where it begins, if that was asked for and can be said. */
  readonly origin?: OriginDetails | undefined;
  /** Of a pair: what both gave for the testcase in the first run. */
  readonly outputs?: PairOutputs | undefined;
  /** Of a pair, where it was asked to explain: where the copy departs. */
  readonly departures?: Departures | undefined;
  /** Of a pair: whether the reference gave the same, bit for bit, in all runs. */
  readonly steady?: boolean | undefined;
}

/** What the two models of a pair gave for one testcase, the copy's under the reference's names. */
export interface PairOutputs {
  readonly reference: readonly NamedTensor[];
  readonly copy: readonly NamedTensor[];
}

/** Whether a variant of a testcase breaks in the same way, in another one, or not. */
export type VariantOutcome = 'same' | 'other' | 'none';

/** What is expected to come up. */
export interface Suspect {
  readonly signature: string;
  /** Tensors that the violation was seen in. */
  readonly tensors: readonly string[];
}

/** What is run again. */
export interface Retrial {
  readonly block: Rows;
  readonly rows: number;
  /** Which row of the block is the testcase. */
  readonly row: number;
  /** Whether there is memory for tracing; violations bear the names of what was seen else. */
  readonly traces: boolean;
  /** Whether to say, of a pair, where the copy departs. */
  readonly compares?: boolean;
  /** Whether to say where the violation begins. */
  readonly explains?: boolean;
}

/**
 * Runs a testcase again and counts how often it breaks the same objective in the same way. A run that the
 * runtime fails is a violation too. Inner tensors are exposed only where the violation lies in one: exposing
 * them may change the result.
 *
 * @param beat called between runs
 */
export async function reproduce(
  model: RowModel,
  objectives: readonly Objective[],
  suspect: Suspect,
  retrial: Retrial,
  runs: number,
  beat: () => void = () => {},
): Promise<Reproduction> {
  const { block, row, explains = false } = retrial;
  const placer = new Placer(model, retrial.traces);
  // The testcase is the same in all runs, and so is where what is seen begins.
  const traced = new Map<string, Placed>();
  const isSame = ({ violation: { signature, symptom } }: Placed): boolean =>
    signature === suspect.signature || symptom === suspect.signature;
  const others = new Set<string>();
  const results: RowResult[] = [];
  let origin: Origin | undefined;
  let times = 0;
  for (let n = 0; n < runs; n++) {
    const seen = await runOnce(model, objectives, placer, traced, suspect, retrial, results);
    const same = seen.find(isSame);
    origin ??= same?.origin;
    if (same !== undefined) times++;
    else for (const { violation } of seen) others.add(violation.signature);
    beat();
  }
  const details =
    explains && origin !== undefined ? await placer.describe(origin, rowAlone(block, row)) : undefined;
  const departures =
    retrial.compares === true ? await departuresAt(model, rowAlone(block, row), beat) : undefined;
  return {
    times,
    of: runs,
    others: [...others],
    ...(details === undefined ? {} : { origin: details }),
    ...(departures === undefined ? {} : { departures }),
    ...pairOf(results, row),
  };
}

/** Layer by layer, where the copy departs on one testcase; undefined where that can't be seen. */
async function departuresAt(
  model: RowModel,
  testcase: Rows,
  beat: () => void,
): Promise<Departures | undefined> {
  const { copy } = model.model;
  if (copy === undefined) return undefined;
  const feeds = model.feeds(testcase, 1);
  try {
    return await departuresOf(model.model, copy, [[feeds, copy.feeds(feeds)]], undefined, beat);
  } catch {
    // Both models run; what fails is looking into one of them.
    return undefined;
  }
}

/** What a pair gave for a row, and whether the reference always gave that; nothing where there is no pair. */
function pairOf(results: readonly RowResult[], row: number): Pick<Reproduction, 'outputs' | 'steady'> {
  const [first, ...further] = results;
  if (first?.copy === undefined) return {};
  const reference = rowOf(first.outputs, row);
  const steady = further.every(({ outputs }) =>
    rowOf(outputs, row).every(
      ({ data }, i) => Buffer.compare(bytesOf(data), bytesOf(reference[i].data)) === 0,
    ),
  );
  return { outputs: { reference, copy: rowOf(first.copy, row) }, steady };
}

function rowOf(tensors: readonly RowTensor[], row: number): NamedTensor[] {
  return tensors.map(({ name, type, shape, size, data }) => ({
    name,
    type,
    shape,
    data: copyOf(rowsOf(data, size, row, row + 1)),
  }));
}

/** Every way in which a row breaks an objective in one run. */
async function runOnce(
  model: RowModel,
  objectives: readonly Objective[],
  placer: Placer,
  traced: Map<string, Placed>,
  suspect: Suspect,
  { block, rows, row }: Retrial,
  results: RowResult[],
): Promise<Placed[]> {
  const inner = suspect.tensors.filter((name) => !model.model.outputs.includes(name));
  let result: RowResult;
  try {
    result = await model.run(block, rows, inner);
  } catch (error) {
    return [{ violation: failedRun(reason(error)) }];
  }
  results.push(result);
  const found: { readonly objective: Objective; readonly violation: Violation }[] = [];
  for (const objective of objectives) {
    objective.judge(result, (at, violation) => {
      if (at === row) found.push({ objective, violation });
    });
  }
  const placed: Placed[] = [];
  for (const { objective, violation } of found) {
    let one = traced.get(violation.signature);
    if (one === undefined) {
      const where = { testcase: rowAlone(block, row), batch: { block, rows }, thoroughly: true };
      one = await placer.place(objective, violation, where);
      traced.set(violation.signature, one);
    }
    placed.push(one);
  }
  return placed;
}

/** One row of a block. */
export function rowAlone({ form, columns }: Rows, row: number): Rows {
  return { form, columns: form.inputs.map(({ size }, i) => rowsOf(columns[i], size, row, row + 1)) };
}
