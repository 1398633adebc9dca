import { join } from 'node:path';
import type { Distance } from '../constraints/distance.ts';
import { UserError } from '../core/errors.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import type { NamedTensor } from '../model/model.ts';
import { FAILURE_KINDS } from '../objectives/crash-signature.ts';
import { comparesModels, makeObjective, OBJECTIVES } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';
import { decodeOutputs, OUTPUTS_FILE } from '../storage/finding-files.ts';
import { type Baseline, type KnownFault, loadBaseline } from './baseline.ts';
import { exists, readFindingFile, readFindings, readFirstSeen, readHitCounts } from './findings.ts';

/** What became of a fault since it was last looked at. */
export type FaultState = 'new' | 'known' | 'fixed';

/** One fault: the findings of one signature, in all the campaigns that were named. */
export interface TriagedFault extends KnownFault {
  /** Against a baseline: whether that knows it. Absent without one. */
  readonly state?: FaultState;
  /** The folders of the campaigns that have it. */
  readonly campaigns: readonly string[];
  /** Hits that were counted, kept or not; at least as many as there are findings. */
  readonly hits: number;
  /** Findings on disk, and those that are flaky among them. */
  readonly findings: number;
  readonly flaky: number;
  /** How often the one named here came up again, such as `10/10`. */
  readonly reproduced: string;
  /** How far that one is from its seed. */
  readonly distance: Distance;
  /** Findings that break the rules that were given; null where they can't be judged without running a model. */
  readonly broken: number | null;
  /** The folder of the finding that is nearest to its seed, of those that count. */
  readonly path: string;
}

/** What triage found. */
export interface TriageResult {
  /** The worst first. */
  readonly faults: readonly TriagedFault[];
  /** Faults of the baseline that did not come up. */
  readonly fixed: readonly KnownFault[];
}

/** How faults are looked at. */
export interface TriageOptions {
  /**
   * Rules of a comparing objective, as in its spec; with them findings of two models are judged anew by what both gave,
   * and no model is run.
   */
  readonly rules?: string | undefined;
  /** What was known before: a baseline, its file, or an older campaign. */
  readonly against?: Baseline | string | undefined;
}

/**
 * Lists the faults of campaigns, the worst first.
 *
 * @throws UserError where a folder is no campaign, a finding can't be read, or the rules make no sense
 */
export async function triage(
  campaigns: readonly string[],
  options: TriageOptions = {},
): Promise<TriageResult> {
  const { rules, against } = options;
  const judge = rules === undefined ? undefined : new RuleJudge(rules);
  const bySignature = new Map<string, FaultFindings>();
  const counted = new Map<string, number>();
  const firstSeen = new Map<string, string>();
  for (const campaign of campaigns) {
    await checkIsCampaign(campaign);
    for (const { folder, finding } of readFindings(campaign)) {
      const broken = judge === undefined ? null : await judge.isBroken(folder, finding);
      const gathered = bySignature.get(finding.signature) ?? new FaultFindings();
      bySignature.set(finding.signature, gathered);
      gathered.add(campaign, folder, finding, broken);
    }
    for (const [signature, hits] of await readHitCounts(campaign))
      counted.set(signature, (counted.get(signature) ?? 0) + hits);
    for (const [signature, time] of await readFirstSeen(campaign)) {
      const before = firstSeen.get(signature);
      if (before === undefined || time < before) firstSeen.set(signature, time);
    }
  }
  const known = typeof against === 'string' ? await loadBaseline(against) : against;
  const faults = [...bySignature]
    .map(([signature, gathered]) => summarizeFault(signature, gathered, counted, firstSeen, known))
    .sort(worstFirst);
  const found = new Set(faults.filter(isReproducible).map(({ signature }) => signature));
  const fixed = (known?.faults ?? []).filter(({ signature }) => !found.has(signature));
  return { faults, fixed };
}

async function checkIsCampaign(campaign: string): Promise<void> {
  if (await exists(join(campaign, CAMPAIGN_FILE))) return;
  throw new UserError(`${campaign} is no campaign: name a folder that holds a ${CAMPAIGN_FILE}`);
}

/** Findings of one signature: counted, and of each kind the one that is nearest to its seed. */
class FaultFindings {
  readonly campaigns = new Set<string>();
  findingCount = 0;
  flakyCount = 0;
  /** Judged by the rules that were given, and broken by them. */
  judgedCount = 0;
  brokenCount = 0;
  /** Of those that count, of those that come up again, and of all. */
  readonly #nearest: (LocatedFinding | undefined)[] = [undefined, undefined, undefined];

  add(campaign: string, folder: string, finding: Finding, broken: boolean | null): void {
    this.campaigns.add(campaign);
    this.findingCount++;
    const isFlaky = finding.status === 'flaky';
    if (isFlaky) this.flakyCount++;
    if (broken !== null) this.judgedCount++;
    if (broken === true) this.brokenCount++;
    const kinds = [!isFlaky && broken !== false, !isFlaky, true];
    kinds.forEach((is, kind) => {
      const before = this.#nearest[kind];
      if (is && (before === undefined || isNearer(finding, before.finding)))
        this.#nearest[kind] = { folder, finding };
    });
  }

  get nearest(): LocatedFinding {
    return this.#nearest.find((one) => one !== undefined) as LocatedFinding;
  }
}

interface LocatedFinding {
  readonly folder: string;
  readonly finding: Finding;
}

function summarizeFault(
  signature: string,
  gathered: FaultFindings,
  counted: ReadonlyMap<string, number>,
  firstSeen: ReadonlyMap<string, string>,
  baseline: Baseline | undefined,
): TriagedFault {
  const { findingCount, flakyCount, judgedCount, brokenCount, campaigns, nearest } = gathered;
  const { objective, summary, reproduced, distance } = nearest.finding;
  const before = baseline?.faults.find((one) => one.signature === signature);
  const seen = [firstSeen.get(signature), before?.firstSeen]
    .filter((time) => typeof time === 'string')
    .sort();
  return {
    signature,
    objective,
    summary,
    firstSeen: seen[0] ?? null,
    ...(baseline === undefined ? {} : { state: before === undefined ? 'new' : 'known' }),
    campaigns: [...campaigns],
    hits: Math.max(counted.get(signature) ?? 0, findingCount),
    findings: findingCount,
    flaky: flakyCount,
    reproduced,
    distance,
    broken: judgedCount === 0 ? null : brokenCount,
    path: nearest.folder,
  };
}

/** Whether a finding lies nearer to its seed than another one: by edits of tokens, else by its largest change. */
function isNearer({ distance: a }: Finding, { distance: b }: Finding): boolean {
  for (const norm of ['edits', 'linf', 'l2', 'l0'] as const) {
    const [own, other] = [a[norm] ?? 0, b[norm] ?? 0];
    if (own !== other) return own < other;
  }
  return false;
}

/** What ends a process is worse than what a program may notice; else in the order of the registry. */
const OBJECTIVE_RANKING: readonly string[] = [...FAILURE_KINDS, ...OBJECTIVES.names()];

function rankOf({ objective }: TriagedFault): number {
  const rank = OBJECTIVE_RANKING.indexOf(objective);
  return rank < 0 ? OBJECTIVE_RANKING.length : rank;
}

/** New ones first, then those that come up again, by what they break, how often, and their names. */
function worstFirst(a: TriagedFault, b: TriagedFault): number {
  return (
    Number(a.state === 'known') - Number(b.state === 'known') ||
    Number(isReproducible(b)) - Number(isReproducible(a)) ||
    rankOf(a) - rankOf(b) ||
    b.hits - a.hits ||
    (a.signature < b.signature ? -1 : 1)
  );
}

/** Whether a fault has a finding that came up again, and breaks the rules where they were given. */
export function isReproducible({ findings, flaky, broken }: TriagedFault): boolean {
  return findings > flaky && broken !== 0;
}

/** Judges findings of two models by other rules. */
class RuleJudge {
  readonly #rules: string;
  readonly #objectives = new Map<string, ReturnType<typeof makeObjective>>();

  constructor(rules: string) {
    this.#rules = rules;
  }

  /** Whether a finding's outputs break the rules; null where it has none. */
  async isBroken(folder: string, { objective }: Finding): Promise<boolean | null> {
    const path = join(folder, OUTPUTS_FILE);
    if (!(await exists(path))) return null;
    // Of a testcase and the same one changed, the rules are those of two models.
    const kind = comparesModels(objective) ? objective : 'differential';
    const made = this.#objectives.get(kind) ?? makeObjective(`${kind}:${this.#rules}`);
    this.#objectives.set(kind, made);
    const judge = await made;
    const { reference, second } = decodeOutputs(await readFindingFile(path), path);
    const outputs = reference.map(toBatchTensor);
    const result = {
      rows: 1,
      inputs: [],
      outputs,
      activations: [],
      secondOutputs: second.map(toBatchTensor),
    };
    const refused = judge.refuses?.(result);
    if (refused !== undefined) throw new UserError(`${path}: ${objective} ${refused}`);
    let broken = false;
    judge.judge(result, () => {
      broken = true;
    });
    return broken;
  }
}

function toBatchTensor({ name, type, shape, data }: NamedTensor): BatchTensor {
  return { name, type, shape, size: data.length, data };
}
