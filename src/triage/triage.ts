import { join } from 'node:path';
import type { Repair } from '../analysis/numerical-sites/repairs.ts';
import type { Distance } from '../constraints/distance.ts';
import { UserError } from '../core/errors.ts';
import type { BatchTensor } from '../model/batched-model.ts';
import type { NamedTensor } from '../model/model.ts';
import type { ClassGap } from '../objectives/class-gap.ts';
import { FAILURE_KINDS } from '../objectives/crash-signature.ts';
import { isAbsorbed, isNoFault, SIGNATURE_VERSION } from '../objectives/objective.ts';
import { comparesModels, makeObjective, OBJECTIVES } from '../objectives/registry.ts';
import { CAMPAIGN_FILE } from '../storage/campaign-store.ts';
import type { Finding } from '../storage/finding.ts';
import { decodeOutputs, OUTPUTS_FILE } from '../storage/finding-files.ts';
import { type Baseline, type KnownFault, loadBaseline } from './baseline.ts';
import { FaultFindings } from './fault-findings.ts';
import { type FaultState, isKnown, isReproducible } from './fault-status.ts';
import { findingRepair, readSiteKinds, type SiteKindNames } from './finding-repair.ts';
import {
  exists,
  isCampaign,
  readFindingFile,
  readFindings,
  readFirstSeen,
  readHitCounts,
  readSetAsideSignatures,
} from './findings.ts';
import { gapOf, strengthOf } from './strength.ts';

export { isCounted, isReproducible, statusOf } from './fault-status.ts';

/** One fault: all findings of one signature in the campaigns given. */
export interface TriagedFault extends KnownFault {
  /** Whether the baseline contains it, and as what; absent without a baseline, and of a tie. */
  readonly state?: FaultState;
  /** Folders of the campaigns in which it was found. */
  readonly campaigns: readonly string[];
  /** Number of violating mutants, including those not stored; at least the number of findings, where one that is minimized counts with its original. */
  readonly hits: number;
  /** Number of findings on disk, how many of them are flaky, how many come up in their batch only, and how many are minimized. */
  readonly findings: number;
  readonly flaky: number;
  readonly batchDependent: number;
  readonly minimized: number;
  /** Matching runs out of all reruns of the finding at `path`, such as `10/10`. */
  readonly reproduced: string;
  /** Distance of the finding at `path` from its seed. */
  readonly distance: Distance;
  /** By how much each of two models prefers its class to the other's, at the finding at `path`; absent where it has none. */
  readonly gap?: ClassGap;
  /** The usual repair of the operation in which it begins; absent where that is not known. */
  readonly repair?: Repair;
  /** Number of findings that violate the rules given; null if they can't be judged without running a model. */
  readonly broken: number | null;
  /**
   * Folder of the representative finding: the one nearest to its seed, of disagreements about the class the strongest; those that
   * come up alone first.
   */
  readonly path: string;
}

export interface TriageResult {
  /** By severity, the worst first. */
  readonly faults: readonly TriagedFault[];
  /** Faults of the baseline that were not found again. */
  readonly fixed: readonly KnownFault[];
  /** Faults of the baseline whose findings are damaged: whether they are fixed can't be told. */
  readonly lost: readonly KnownFault[];
  /** Ignored faults of the baseline that were not found again: they stay ignored. */
  readonly ignored: readonly KnownFault[];
  /**
   * Campaigns with findings whose signatures another version gave, the one compared with included: a fault may have another name
   * there.
   */
  readonly otherSignatures: readonly string[];
  /** A description of each file that is damaged. */
  readonly damage: readonly string[];
}

export interface TriageOptions {
  /**
   * Parameters of a comparing objective, as in its spec. With them the stored outputs of two models are judged again, without
   * running a model.
   */
  readonly rules?: string | undefined;
  /** Known faults: a baseline, the path of a baseline file, or the folder of an older campaign. */
  readonly against?: Baseline | string | undefined;
}

/**
 * Groups the findings of campaigns into faults and ranks them, the worst first.
 *
 * @param campaigns folders of campaigns
 * @throws UserError if a folder is not a campaign, a finding is of another format version, or the rules are invalid
 */
export async function triage(
  campaigns: readonly string[],
  options: TriageOptions = {},
): Promise<TriageResult> {
  const { rules, against } = options;
  const judge = rules === undefined ? undefined : new RuleJudge(rules);
  const findingsBySignature = new Map<string, FaultFindings>();
  const hitCounts = new Map<string, number>();
  const firstSeen = new Map<string, string>();
  const otherSignatures = new Set<string>();
  const damage: string[] = [];
  const lostSignatures = new Set<string>();
  const siteKinds = new Map<string, string>();
  for (const campaign of campaigns) {
    await checkIsCampaign(campaign);
    for (const located of readFindings(campaign, damage, lostSignatures)) {
      const { folder, finding, isDamaged } = located;
      const broken = judge === undefined || isDamaged ? null : await judge.isBroken(folder, finding);
      const faultFindings = findingsBySignature.get(finding.signature) ?? new FaultFindings();
      findingsBySignature.set(finding.signature, faultFindings);
      faultFindings.add(campaign, located, broken);
      if (finding.signatureVersion !== SIGNATURE_VERSION) otherSignatures.add(campaign);
    }
    for (const signature of await readSetAsideSignatures(campaign)) lostSignatures.add(signature);
    for (const [signature, hits] of await readHitCounts(campaign, damage))
      hitCounts.set(signature, (hitCounts.get(signature) ?? 0) + hits);
    for (const [site, kind] of await readSiteKinds(campaign)) siteKinds.set(site, kind);
    for (const [signature, time] of await readFirstSeen(campaign)) {
      const before = firstSeen.get(signature);
      if (before === undefined || time < before) firstSeen.set(signature, time);
    }
  }
  const baseline = typeof against === 'string' ? await loadBaseline(against) : against;
  damage.push(...(baseline?.damage ?? []));
  if (typeof against === 'string' && baseline?.hasOtherSignatures) otherSignatures.add(against);
  const faults = [...findingsBySignature]
    .map(([signature, faultFindings]) =>
      summarizeFault(signature, faultFindings, hitCounts, firstSeen, siteKinds, baseline),
    )
    .sort(compareFaults);
  const found = new Set(faults.filter(isReproducible).map(({ signature }) => signature));
  const missing = (baseline?.faults ?? []).filter(({ signature }) => !found.has(signature));
  const ignored = missing.filter(({ state }) => state === 'ignored');
  const others = missing.filter(({ state }) => state !== 'ignored');
  const fixed = others.filter(({ signature }) => !lostSignatures.has(signature));
  const lost = others.filter(({ signature }) => lostSignatures.has(signature));
  return { faults, fixed, lost, ignored, otherSignatures: [...otherSignatures], damage };
}

async function checkIsCampaign(campaign: string): Promise<void> {
  if (await isCampaign(campaign)) return;
  const isProject = await exists(join(campaign, CAMPAIGN_FILE));
  throw new UserError(
    `${campaign} is not a campaign${isProject ? `, though it has a ${CAMPAIGN_FILE} with settings` : ''}: name the folder that neurofuzz fuzz wrote, such as neurofuzz-out/model`,
  );
}

function summarizeFault(
  signature: string,
  {
    findingCount,
    flakyCount,
    batchDependentCount,
    minimizedCount,
    hitCount,
    judgedCount,
    brokenCount,
    campaigns,
    representative,
  }: FaultFindings,
  hitCounts: ReadonlyMap<string, number>,
  firstSeen: ReadonlyMap<string, string>,
  siteKinds: SiteKindNames,
  baseline: Baseline | undefined,
): TriagedFault {
  const { objective, summary, reproduced, distance } = representative.finding;
  const gap = gapOf(representative.finding);
  const repair = findingRepair(representative.finding, siteKinds);
  const known = baseline?.faults.find((fault) => fault.signature === signature);
  const seenTimes = [firstSeen.get(signature), known?.firstSeen]
    .filter((time) => typeof time === 'string')
    .sort();
  return {
    signature,
    objective,
    summary,
    firstSeen: seenTimes[0] ?? null,
    // A tie stands in no baseline: it would be new each time.
    ...(baseline === undefined || isNoFault(signature) ? {} : { state: stateOf(known) }),
    ...(known?.note === undefined ? {} : { note: known.note }),
    campaigns: [...campaigns],
    hits: Math.max(hitCounts.get(signature) ?? 0, hitCount),
    findings: findingCount,
    flaky: flakyCount,
    batchDependent: batchDependentCount,
    minimized: minimizedCount,
    reproduced,
    distance,
    ...(gap === undefined ? {} : { gap }),
    ...(repair === undefined ? {} : { repair }),
    broken: judgedCount === 0 ? null : brokenCount,
    path: representative.folder,
  };
}

/** State of a fault that was found, from its entry in the baseline: one that was said to be fixed is new. */
function stateOf(known: KnownFault | undefined): FaultState {
  if (known === undefined || known.state === 'fixed') return 'new';
  return known.state === 'ignored' ? 'ignored' : 'known';
}

/** Objectives by severity: crashes and hangs first, because a program cannot handle them; the others in registry order. */
const OBJECTIVE_RANKING: readonly string[] = [...FAILURE_KINDS, ...OBJECTIVES.names()];

/** Infinities that come to no output rank below all faults that do, and ties, which are none, below those. */
function rankOf({ objective, signature }: TriagedFault): number {
  if (isNoFault(signature)) return OBJECTIVE_RANKING.length + 2;
  if (isAbsorbed(signature)) return OBJECTIVE_RANKING.length + 1;
  const rank = OBJECTIVE_RANKING.indexOf(objective);
  return rank < 0 ? OBJECTIVE_RANKING.length : rank;
}

/**
 * Orders faults: ties last, new before known before ignored, reproducible before flaky, then by objective, strength, number of hits, and
 * signature.
 */
export function compareFaults(a: TriagedFault, b: TriagedFault): number {
  const [strength, otherStrength] = [strengthOf(a.gap), strengthOf(b.gap)];
  return (
    Number(isNoFault(a.signature)) - Number(isNoFault(b.signature)) ||
    Number(isKnown(a)) - Number(isKnown(b)) ||
    Number(a.state === 'ignored') - Number(b.state === 'ignored') ||
    Number(isReproducible(b)) - Number(isReproducible(a)) ||
    rankOf(a) - rankOf(b) ||
    // Two infinite ones have no difference.
    (strength === otherStrength ? 0 : otherStrength - strength) ||
    b.hits - a.hits ||
    (a.signature < b.signature ? -1 : Number(a.signature > b.signature))
  );
}

/** Judges stored outputs of two models by other parameters of the comparing objective. */
class RuleJudge {
  readonly #rules: string;
  readonly #objectives = new Map<string, ReturnType<typeof makeObjective>>();

  constructor(rules: string) {
    this.#rules = rules;
  }

  /** Whether a finding's outputs violate the rules; null if none are stored. */
  async isBroken(folder: string, { objective }: Finding): Promise<boolean | null> {
    const path = join(folder, OUTPUTS_FILE);
    if (!(await exists(path))) return null;
    // Outputs of a testcase and its transform are compared like those of two models.
    const kind = comparesModels(objective) ? objective : 'differential';
    const pending = this.#objectives.get(kind) ?? makeObjective(`${kind}:${this.#rules}`);
    this.#objectives.set(kind, pending);
    const rule = await pending;
    const { reference, second } = decodeOutputs(await readFindingFile(path), path);
    const outputs = reference.map(toBatchTensor);
    const result = {
      rows: 1,
      inputs: [],
      outputs,
      activations: [],
      secondOutputs: second.map(toBatchTensor),
    };
    const refused = rule.refuses?.(result);
    if (refused !== undefined) throw new UserError(`${path}: ${objective} ${refused}`);
    let broken = false;
    rule.judge(result, () => {
      broken = true;
    });
    return broken;
  }
}

function toBatchTensor({ name, type, shape, data }: NamedTensor): BatchTensor {
  return { name, type, shape, size: data.length, data };
}
