import { GOAL_OBJECTIVES, parsePlausible, type ThreatModel } from '../../config/threat-model.ts';
import { CompiledExpression } from '../../expression/compiled-expression.ts';
import { parseExpression } from '../../expression/parse-expression.ts';
import type { BatchTensor } from '../../model/batched-model.ts';
import { DTYPES, readNumber, type Tensor } from '../../tensor/tensor.ts';
import type {
  BrokenClause,
  CheckedInput,
  CheckedTestcase,
  Outcome,
  ThreatEvidence,
  ThreatVerdict,
} from './evidence.ts';
import { trailOutcome } from './trail-clause.ts';

const BUILT_IN_OBJECTIVES = new Set(Object.values(GOAL_OBJECTIVES).flat());

/** Objectives of runs that end the process: a finding whoever attacks. */
const FAILURES = new Set(['crash', 'hang', 'memory']);

/** Judges a finding by the clauses of its campaign's threat model, from values as stored and in double precision. */
export function judgeClauses(evidence: ThreatEvidence): ThreatVerdict {
  const verdict = { clauses: [] as string[], unchecked: [] as string[], broken: [] as BrokenClause[] };
  for (const [clause, outcome] of outcomesOf(evidence)) {
    (outcome === undefined ? verdict.unchecked : verdict.clauses).push(clause);
    if (typeof outcome === 'string') verdict.broken.push({ clause, breach: outcome });
  }
  return verdict;
}

function outcomesOf(evidence: ThreatEvidence): [clause: string, outcome: Outcome][] {
  const { settings, finding } = evidence;
  const { goal, may, turn } = settings.threatModel;
  const outcomes: [string, Outcome][] = distanceOutcomes(evidence);
  outcomes.push(['limits.range', rangeOutcome(evidence)]);
  if (evidence.masks === undefined || evidence.masks.size > 0)
    outcomes.push(['limits.fixed', fixedOutcome(evidence)]);
  if (settings.valid !== undefined) outcomes.push(['limits.valid', validOutcome(settings.valid, evidence)]);
  if (columnsOf(settings.table).size > 0) outcomes.push(['limits.table', tableOutcome(evidence)]);
  if (may === 'content-preserving') outcomes.push(['may', trailOutcome(evidence)]);
  if (settings.threatModel.plausible !== undefined)
    outcomes.push(['plausible', plausibleOutcome(settings.threatModel.plausible, evidence)]);
  outcomes.push(...queryOutcomes(evidence), ...repetitionOutcomes(evidence));
  outcomes.push(['goal.kind', kindOutcome(goal, finding, settings)]);
  if (FAILURES.has(finding.objective)) return outcomes;
  const { class: given, label = finding.label, confidence } = finding.violation.details;
  if (goal.to !== undefined)
    outcomes.push([
      'goal.to',
      goal.to.includes(Number(given ?? Number.NaN)) || `the class is ${given}, not ${goal.to.join(' or ')}`,
    ]);
  if (goal.from !== 'any')
    outcomes.push([
      'goal.from',
      goal.from.includes(Number(finding.label ?? Number.NaN)) ||
        `the seed is of class ${finding.label}, not ${goal.from.join(' or ')}`,
    ]);
  if (goal.confident !== undefined && finding.objective === 'misclassified')
    outcomes.push([
      'goal.confident',
      Number(confidence) >= goal.confident || `the confidence is ${confidence}, below ${goal.confident}`,
    ]);
  if (finding.label !== undefined && label !== finding.label)
    outcomes.push([
      'goal.label',
      `the violation names class ${label}, the seed is of class ${finding.label}`,
    ]);
  if (turn === 'before')
    outcomes.push([
      'turn',
      finding.generation === 0 || settings.corpus !== undefined || 'it was searched for, and turn is before',
    ]);
  return outcomes;
}

/** Queries spent on the seed: those spent on all seeds are no fewer. */
function queryOutcomes({ settings, queries }: ThreatEvidence): [string, Outcome][] {
  // Campaigns of earlier versions have no limits.
  const { each, total } = settings.threatModel.queries ?? {};
  return Object.entries({ each, total }).flatMap(([name, limit]): [string, Outcome][] => {
    if (limit === undefined) return [];
    const isCount = queries !== undefined && Number.isInteger(queries) && queries >= 0;
    const breach = isCount ? `it took ${queries} queries, of ${limit}` : 'it does not say its queries';
    return [[`queries.${name}`, (isCount && queries <= limit) || breach]];
  });
}

/** Whether the value that was recorded of it is within the bound; the model that gives it runs again when a finding is replayed. */
function plausibleOutcome(text: string, { plausible: value }: ThreatEvidence): Outcome {
  if (typeof value !== 'number') return 'it does not say how plausible it is';
  const { comparison, bound } = parsePlausible(text);
  const holds =
    { '<': value < bound, '<=': value <= bound, '>': value > bound, '>=': value >= bound }[comparison] &&
    Number.isFinite(value);
  return holds || `its value is ${value}, and ${text} does not hold`;
}

/** The least share of reruns in which a finding must hold where the attacker does not know what a random model draws. */
const RANDOM_SHARE = 0.9;
const RANDOM_RUNS = 30;

/** That the first input submitted counts, and that a finding does not hang on what a random model draws. */
function repetitionOutcomes({ settings, finding, queries }: ThreatEvidence): [string, Outcome][] {
  // Campaigns of earlier versions have neither.
  const { repeats = true, knows } = settings.threatModel;
  const outcomes: [string, Outcome][] = [];
  if (!repeats)
    outcomes.push([
      'repeats',
      queries === undefined
        ? 'it does not say which try it is'
        : (queries <= 1 && queries >= 0) || `it is try ${queries} for its seed, and the first one counts`,
    ]);
  const { objective, reproduced, status = 'confirmed' } = finding;
  if (knows?.randomness === false && status === 'confirmed' && !FAILURES.has(objective)) {
    const [matching, total] = (reproduced ?? '').split('/').map(Number);
    const holds = total >= RANDOM_RUNS && matching <= total && matching >= RANDOM_SHARE * total;
    outcomes.push([
      'knows.randomness',
      reproduced === undefined ? undefined : holds || `it holds in ${reproduced} reruns, not in 27 of 30`,
    ]);
  }
  return outcomes;
}

function kindOutcome(
  { kind }: ThreatModel['goal'],
  { objective, violation, signature = objective }: ThreatEvidence['finding'],
  settings: ThreatEvidence['settings'],
): Outcome {
  const { class: given, label } = violation.details;
  if (FAILURES.has(objective)) {
    const isFailure = signature === objective || signature.startsWith(`${objective}-`);
    return isFailure || `its signature is ${signature}, which is not that of a ${objective}`;
  }
  const kinds = [settings.objective ?? []].flat().map((spec) => String(spec).split(':')[0]);
  const hasModule = kinds.some((spec) => /[/\\.]/.test(spec));
  if (kinds.length > 0 && !hasModule && !kinds.includes(objective))
    return `the objective ${objective} is not one of the campaign's, ${kinds.join(', ')}`;
  if (BUILT_IN_OBJECTIVES.has(objective) && !GOAL_OBJECTIVES[kind].includes(objective))
    return `the objective ${objective} does not show the goal ${kind}`;
  const isOfClass = kind === 'untargeted' || kind === 'targeted';
  if (isOfClass && given !== undefined && label !== undefined && given === label)
    return `the class is that of the seed, ${label}`;
  return true;
}

/** Distances over all inputs of numbers, and edits of each input of tokens or strings. */
function distanceOutcomes({ settings, testcase, seed }: ThreatEvidence): [string, Outcome][] {
  const limits = (['linf', 'l2', 'l0'] as const).flatMap((norm) => {
    const limit = settings[norm];
    return limit === undefined ? [] : [[norm, limit] as const];
  });
  const outcomes: [string, Outcome][] = [];
  if (limits.length > 0) {
    const measured = seed && distances(settings.inputs, testcase, seed);
    for (const [norm, limit] of limits)
      outcomes.push([
        `limits.${norm}`,
        measured && (measured[norm] <= limit || `${norm} is ${measured[norm]}, above ${limit}`),
      ]);
  }
  if (settings.edits !== undefined)
    outcomes.push(['limits.edits', seed && editsOutcome(settings.inputs, settings.edits, testcase, seed)]);
  return outcomes;
}

function distances(
  inputs: readonly CheckedInput[],
  testcase: CheckedTestcase,
  seed: CheckedTestcase,
): Readonly<Record<'linf' | 'l2' | 'l0', number>> {
  let [linf, squares, l0] = [0, 0, 0];
  for (const { name, strings } of inputs) {
    const [values, from] = [testcase.get(name), seed.get(name)];
    if (values === undefined || from === undefined || strings === true) continue;
    // A testcase of another size has no distance.
    if (values.data.length !== from.data.length) linf = Number.POSITIVE_INFINITY;
    for (let i = 0; i < values.data.length; i++) {
      const difference = Math.abs(
        readNumber(values.type, values.data, i) - readNumber(from.type, from.data, i),
      );
      // NaN compares as no difference.
      if (Number.isNaN(difference)) linf = Number.POSITIVE_INFINITY;
      if (difference > 0) l0++;
      linf = Math.max(linf, difference);
      squares += difference * difference;
    }
  }
  return { linf, l2: linf === Number.POSITIVE_INFINITY ? linf : Math.sqrt(squares), l0 };
}

function editsOutcome(
  inputs: readonly CheckedInput[],
  limit: number,
  testcase: CheckedTestcase,
  seed: CheckedTestcase,
): Outcome {
  for (const { name, strings, tokens } of inputs) {
    const [values, from] = [testcase.get(name), seed.get(name)];
    if (values === undefined || from === undefined || (strings !== true && tokens === undefined)) continue;
    const pad = strings === true ? 0 : tokens?.pad;
    const width = strings === true ? (values.shape.at(-1) ?? 1) : values.data.length;
    const fromWidth = strings === true ? (from.shape.at(-1) ?? 1) : from.data.length;
    let edits = 0;
    for (let row = 0; row * width < values.data.length; row++)
      edits += levenshtein(rowOf(values, row, width, pad), rowOf(from, row, fromWidth, pad));
    if (edits > limit) return `${name} is ${edits} edits from its seed, above ${limit}`;
  }
  return true;
}

/** The elements of a row without padding. */
function rowOf({ type, data }: Tensor, row: number, width: number, pad: number | undefined): number[] {
  const end = Math.min((row + 1) * width, data.length);
  const values: number[] = [];
  for (let i = row * width; i < end; i++) values.push(readNumber(type, data, i));
  return values.filter((value) => value !== pad);
}

/** Edit distance by Wagner & Fischer (1974), a row of the table at a time. */
function levenshtein(a: readonly number[], b: readonly number[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (const [i, value] of a.entries()) {
    const next = [i + 1];
    for (const [j, other] of b.entries())
      next.push(Math.min(row[j + 1] + 1, next[j] + 1, row[j] + Number(value !== other)));
    row = next;
  }
  return row[b.length];
}

/** Values within the ranges of their inputs, or as in the seed; inputs without mutators as in the seed. */
function rangeOutcome({ settings, testcase, seed }: ThreatEvidence): Outcome {
  for (const input of settings.inputs) {
    const { name, range, channels, channelsFirst } = input;
    const values = testcase.get(name);
    if (values === undefined) return `it has no input ${name}`;
    if (input.strings === true) continue;
    const from = sameSize(seed?.get(name), values);
    const isKept = settings.mutator?.[name] === 'none';
    const { length } = values.data;
    for (let i = 0; i < length; i++) {
      const value = readNumber(values.type, values.data, i);
      if (from !== undefined && value === readNumber(from.type, from.data, i)) continue;
      if (isKept && from !== undefined)
        return `${name}[${i}] differs from the seed, and ${name} is not mutated`;
      const count = channels?.length ?? 1;
      const [low, high] =
        channels?.[channelsFirst === true ? Math.floor((i * count) / length) : i % count] ?? range;
      if (!(value >= low && value <= high)) return `${name}[${i}] is ${value}, outside ${low} to ${high}`;
      if (DTYPES[values.type].kind === 'bool' && value !== 0 && value !== 1)
        return `${name}[${i}] is ${value}, which is not a bool`;
    }
  }
  return true;
}

/** A condition over the inputs, by name, and those of the seed, as `seed.name`, or `seed` for the only one. */
function validOutcome(valid: string, { settings, testcase, seed }: ThreatEvidence): Outcome {
  if (seed === undefined) return undefined;
  const tensors = new Map<string, BatchTensor>();
  const add = (name: string, { type, shape, data }: Tensor): void =>
    void tensors.set(name, { name, type, shape, size: data.length, data });
  for (const { name } of settings.inputs) {
    const [values, from] = [testcase.get(name), seed.get(name)];
    if (values === undefined || from === undefined) return `it has no input ${name}`;
    add(name, values);
    add(`seed.${name}`, from);
    if (settings.inputs.length === 1 && name !== 'seed') add('seed', from);
  }
  const syntax = parseExpression('limits.valid', valid);
  const { margins, nanRows } = new CompiledExpression('limits.valid', syntax, tensors).evaluate(tensors, 1);
  return (nanRows[0] === 0 && margins.every((margin) => margin > 0)) || `${valid} does not hold`;
}

function sameSize(seed: Tensor | undefined, { data }: Tensor): Tensor | undefined {
  return seed?.data.length === data.length ? seed : undefined;
}

function fixedOutcome({ masks, testcase, seed }: ThreatEvidence): Outcome {
  if (masks === undefined || seed === undefined) return undefined;
  for (const [name, mask] of masks) {
    const values = testcase.get(name);
    const from = values && sameSize(seed.get(name), values);
    if (values === undefined || from === undefined) return `${name} has another size than its mask`;
    for (let i = 0; i < mask.length; i++)
      if (mask[i] !== 0 && values.data[i] !== from.data[i])
        return `${name}[${i}] is ${values.data[i]}, which is fixed to ${from.data[i]}`;
  }
  return true;
}

interface Column {
  readonly kind: string;
  readonly values?: readonly number[];
}

/** Columns that campaign.yaml lists, by input; under an empty name where they are for the only one. */
function columnsOf(table: unknown): ReadonlyMap<string, readonly Column[]> {
  if (Array.isArray(table)) return new Map([['', table as Column[]]]);
  if (typeof table !== 'object' || table === null) return new Map();
  return new Map(
    Object.entries(table).flatMap(([name, list]) => (Array.isArray(list) ? [[name, list as Column[]]] : [])),
  );
}

function tableOutcome({ settings, testcase, seed }: ThreatEvidence): Outcome {
  if (seed === undefined) return undefined;
  for (const [listed, columns] of columnsOf(settings.table)) {
    const name = listed === '' ? settings.inputs[0].name : listed;
    const values = testcase.get(name);
    const from = values && sameSize(seed.get(name), values);
    if (values === undefined || from === undefined) return `${name} has another size than its seed`;
    for (let i = 0; i < values.data.length; i++) {
      const { kind, values: legal } = columns[i % columns.length];
      const value = readNumber(values.type, values.data, i);
      if (value === readNumber(from.type, from.data, i)) continue;
      if (kind === 'fixed') return `${name}[${i}] is ${value}, and the column is fixed`;
      if (kind === 'integer' && !Number.isInteger(value))
        return `${name}[${i}] is ${value}, not a whole number`;
      if (kind === 'category' && legal !== undefined && !legal.includes(value))
        return `${name}[${i}] is ${value}, not one of ${legal.join(', ')}`;
    }
  }
  return true;
}
