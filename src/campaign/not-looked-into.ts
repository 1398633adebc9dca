import { findUnanalysedOperations } from '../analysis/unanalysed-operations.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { addsUp } from '../model/formats/onnx/half/partial-sums.ts';
import { LAYOUT_OPS } from '../model/graph/layout-ops.ts';
import type { HalfArithmetic } from '../model/half.ts';
import { shapeText } from '../tensor/tensor.ts';
import type { SiteStatistics } from './monitor/site-statistics.ts';
import type { Target } from './resolve/target.ts';
import { stayingInputs, untriedIds } from './staying-inputs.ts';

/** Something that a campaign leaves out, which a green result says nothing about. */
export interface NotLookedInto {
  /** What it is left out of. */
  readonly kind: 'inputs' | 'sizes' | 'operations' | 'precision';
  /** A clause for people, which names what is left out. */
  readonly text: string;
}

/** The parts of a target, and of the settings, that tell what is left out. */
type Scope = Pick<Target, 'model' | 'sites' | 'sizeChanges'> &
  Pick<CampaignConfig, 'mutator' | 'guidance'> & {
    readonly inputs: Pick<Target['inputs'], 'seeds' | 'descriptors' | 'mutators' | 'lengthChanges'>;
  };

/** One function for each reason to leave something out; each gives a clause, or nothing. */
const REASONS: readonly ((scope: Scope) => NotLookedInto | undefined)[] = [
  inputsThatStay,
  idsNeverTried,
  sizesNeverTried,
  unanalysedOperations,
  unwatchedSites,
  widenedHalves,
];

/** What a campaign does not look into, by its settings and its model. */
export function notLookedInto(scope: Scope): NotLookedInto[] {
  return REASONS.map((reason) => reason(scope)).filter((reason) => reason !== undefined);
}

/** Names in one clause; further ones are counted. */
const MAX_NAMES = 4;

function listed(names: readonly string[]): string {
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `${names.slice(0, MAX_NAMES).join(', ')}${more}`;
}

function inputsThatStay({ model, sites, inputs, mutator }: Scope): NotLookedInto | undefined {
  // The inputs of a model that generates text are its prompts.
  const names = model.generation === undefined ? stayingInputs(model, sites, inputs, mutator) : [];
  return names.length === 0 ? undefined : { kind: 'inputs', text: `other values of ${listed(names)}` };
}

function idsNeverTried({ model, inputs }: Scope): NotLookedInto | undefined {
  const ids = model.generation === undefined ? untriedIds(model, inputs) : [];
  return ids.length === 0 ? undefined : { kind: 'inputs', text: listed(ids) };
}

function sizesNeverTried(scope: Scope): NotLookedInto | undefined {
  const { running, failing, untried } = scope.sizeChanges;
  const sizes = [...running, ...failing, ...untried].length === 0 ? sizesThatStay(scope) : untried;
  return sizes.length === 0 ? undefined : { kind: 'sizes', text: listed(sizes) };
}

/** Sizes that the model leaves open, that were given, and that all testcases have in common. */
function sizesThatStay({ model, inputs: { seeds, lengthChanges } }: Scope): string[] {
  return stripBatchDimension(model.inputs).flatMap(({ name, shape, strings }, i) => {
    const changes = lengthChanges?.leader === i || lengthChanges?.followers.includes(i) === true;
    if (changes || strings !== undefined || !shape.includes(null)) return [];
    const shapes = new Set(seeds.map(({ form }) => shapeText(form.inputs[i].shape)));
    return shapes.size === 1 ? [`sizes of ${name} other than ${[...shapes][0]}`] : [];
  });
}

function unanalysedOperations({ model }: Scope): NotLookedInto | undefined {
  const { operators, hiddenBodies } = findUnanalysedOperations(model.graph);
  const counts = Object.entries(operators).map(([op, count]) => (count === 1 ? op : `${op} (${count})`));
  const parts = [
    ...(counts.length === 0 ? [] : [`operations without numerical analysis: ${listed(counts)}`]),
    ...(hiddenBodies === 0 ? [] : [`operations within bodies of control flow: ${hiddenBodies}`]),
  ];
  return parts.length === 0 ? undefined : { kind: 'operations', text: parts.join(', ') };
}

/** What sites compute is watched by tasks that are directed at them. */
function unwatchedSites({ sites, guidance }: Scope): NotLookedInto | undefined {
  return guidance === 'auto' || sites.length === 0
    ? undefined
    : {
        kind: 'operations',
        text: `results of numerical sites that coverage does not watch (--guidance auto watches them): ${listed(sites.map(({ name }) => name))}`,
      };
}

/** Operations that move values or round them, whatever the runtime computes in. */
const ROUNDING_OPS: ReadonlySet<string> = new Set([...LAYOUT_OPS, 'Cast', 'CastLike', 'Transpose', 'Slice']);

function widenedHalves({ model: { graph, runtime, half } }: Scope): NotLookedInto | undefined {
  const isHalf = (name: string): boolean => graph.types.get(name) === 'float16';
  const computesHalves = graph.nodes.some(
    ({ op, outputs, inputs }) => !ROUNDING_OPS.has(op) && outputs.some(isHalf) && inputs.some(isHalf),
  );
  if (runtime.kind !== 'onnx' || !computesHalves || half !== undefined) return undefined;
  return {
    kind: 'precision',
    text: 'half precision: the model is float16, but ONNX Runtime computes it in single precision on this processor; use --half to emulate half-precision hardware',
  };
}

/**
 * Sums of halves that went beyond the largest half, and whose result a runtime that computes wider does not show.
 *
 * @param half how the model computes in half precision, where that is emulated: only what adds up wider counts then
 */
export function overflowingHalfSums(
  sites: readonly SiteStatistics[],
  half?: Pick<HalfArithmetic, 'accumulate' | 'roundedOnce'>,
): NotLookedInto[] {
  const isWider = ({ site, op }: SiteStatistics): boolean =>
    half === undefined || (addsUp(op) && (half.accumulate === 'float32' || half.roundedOnce.includes(site)));
  const names = sites
    .filter(
      ({ kind, status, signature }) => kind === 'half-sum' && status === 'triggered' && signature === null,
    )
    .filter(isWider)
    .map(({ site, op }) => `${site} (${op})`);
  if (names.length === 0) return [];
  const hint = half?.accumulate === 'float32' ? ' (use --half accumulate=float16 to emulate that)' : '';
  return [
    {
      kind: 'precision',
      text: `sums above 65504 that would overflow in half precision${hint}: ${listed(names)}`,
    },
  ];
}

/** Lines of a summary. */
const MAX_LINES = 3;

/** What was not looked into in at most three lines, one a kind as far as they reach. */
export function notLookedIntoLines(reasons: readonly NotLookedInto[]): string[] {
  const byKind = new Map<string, string[]>();
  for (const { kind, text } of reasons) byKind.set(kind, [...(byKind.get(kind) ?? []), text]);
  const clauses = [...byKind.values()].map((texts) => texts.join('; '));
  const last = clauses.slice(MAX_LINES - 1).join('; ');
  return [...clauses.slice(0, MAX_LINES - 1), ...(last === '' ? [] : [last])].map(
    (clause) => `not checked: ${clause}`,
  );
}
