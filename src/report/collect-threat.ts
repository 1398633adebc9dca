import { relative } from 'node:path';
import type { SeedStatistics } from '../campaign/monitor/seed-statistics.ts';
import { ThreatChecker } from '../campaign/obeys.ts';
import { outsideFindings } from '../campaign/threat-model/audit-findings.ts';
import { threatProse } from '../campaign/threat-model/prose.ts';
import { successLine, threatSuccess } from '../campaign/threat-model/success.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { plural } from '../core/format-number.ts';
import type { CampaignManifest } from '../storage/manifest-reader.ts';
import type { LocatedFinding } from '../triage/findings.ts';

/** Findings outside the threat model that are named. */
const MAX_NAMED = 5;

/** A campaign's threat model as a report begins with it, and the findings that obey it. */
export interface ReportedThreat {
  /** A sentence each: who attacks, how far the attacker got, and which findings do not obey. None without a threat model. */
  readonly lines: readonly string[];
  readonly obeying: readonly LocatedFinding[];
}

/**
 * Describes the threat model of a campaign, and checks its findings again.
 *
 * @param findings those that are not damaged
 */
export async function collectThreat(
  folder: string,
  config: CampaignConfig,
  { resolved }: Pick<CampaignManifest, 'resolved'>,
  accounts: readonly SeedStatistics[],
  findings: readonly LocatedFinding[],
): Promise<ReportedThreat> {
  const checker = await ThreatChecker.open(folder);
  const { threatModel } = config;
  if (checker === undefined || threatModel === undefined) return { lines: [], obeying: findings };
  const outside: string[] = [];
  const obeying = findings.filter(({ folder: path, isDamaged }) => {
    const [broken] = isDamaged ? [] : checker.check(path).broken;
    if (broken !== undefined) outside.push(`${relative(folder, path)} (${broken.clause}: ${broken.breach})`);
    return broken === undefined;
  });
  const setApart = (await outsideFindings(folder)).map((path) => relative(folder, path));
  const all = [...outside, ...setApart];
  const seeds = typeof resolved.attackedSeeds === 'number' ? resolved.attackedSeeds : 0;
  return {
    lines: [
      threatProse(config).join(' '),
      ...threatSuccess(threatModel, seeds, accounts).map((success) => successLine(threatModel, success)),
      ...(all.length === 0
        ? []
        : [
            `${plural(all.length, 'finding')} outside the threat model, not shown: ${all.slice(0, MAX_NAMED).join(', ')}${all.length > MAX_NAMED ? ', …' : ''}`,
          ]),
    ],
    obeying,
  };
}
