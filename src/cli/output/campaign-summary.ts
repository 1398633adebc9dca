import { join } from 'node:path';
import { dependenceText } from '../../analysis/batch-dependence/describe-dependence.ts';
import { BOUND_METHODS } from '../../analysis/bounds/rule-out.ts';
import { closenessText } from '../../analysis/numerical-sites/closeness.ts';
import type { Fault } from '../../campaign/findings/fault-registry.ts';
import { chanceText } from '../../campaign/findings/new-fault-chance.ts';
import type { CampaignSummary } from '../../campaign/monitor/monitor.ts';
import { mutatorLabel } from '../../campaign/monitor/mutator-label.ts';
import { seedLines } from '../../campaign/monitor/seed-statistics.ts';
import { siteCounts, sitesByCloseness } from '../../campaign/monitor/site-statistics.ts';
import { notLookedIntoLines } from '../../campaign/not-looked-into.ts';
import { successLine, threatSuccess } from '../../campaign/threat-model/success.ts';
import { formatCount, plural } from '../../core/format-number.ts';
import { quote } from '../../core/shell-quote.ts';
import { recallText } from '../../coverage/index/recall-sample.ts';
import { isAbsorbed, isNoFault, isTie, noFaultReason } from '../../objectives/objective.ts';
import { launcher, resumeLine } from '../launcher.ts';

/** The object that `fuzz --json` prints. */
export function summaryJson(summary: CampaignSummary): unknown {
  const { folder, masterSeed, model, batch, coverage, statistics, stopped, threat } = summary;
  return {
    campaign: folder,
    seed: masterSeed,
    model: { path: model.path, sha256: model.sha256, format: model.format, runtime: model.runtime.kind },
    execs: statistics.execs,
    elapsedSeconds: statistics.elapsedSeconds,
    forwardEquivalents: statistics.forwardEquivalents,
    gradients: statistics.gradients,
    execsPerSecond: statistics.execsPerSecond,
    jobs: summary.jobs,
    batch,
    coverage: { ...coverage, ...(statistics.indexRecall && { indexRecall: statistics.indexRecall }) },
    corpus: { seeds: statistics.seeds, count: statistics.corpus },
    findings: {
      hits: statistics.hits,
      signatures: statistics.faults.map(
        ({ signature, objective, summary: text, hits, firstExecs, firstSeconds, path }) => ({
          signature,
          objective,
          summary: text,
          hits,
          firstExecs,
          firstSeconds,
          path: join(folder, path),
        }),
      ),
    },
    sites: statistics.sites.map(({ site, kind, status, margin, closest, signature, sizesOf, method }) => ({
      site,
      kind,
      status,
      margin,
      ...(closest === undefined ? {} : { closest }),
      signature,
      ...(sizesOf === undefined ? {} : { sizesOf }),
      ...(method === undefined ? {} : { method }),
    })),
    seedAccounts: statistics.seedAccounts,
    ...(threat === undefined
      ? {}
      : {
          threatModel: {
            ...threat.model,
            ...summary.threatAudit,
            ...(statistics.submitted === undefined ? {} : { submitted: statistics.submitted }),
            success: threatSuccess(threat.model, threat.seeds, statistics.seedAccounts),
          },
        }),
    newFaults: statistics.newFaults,
    notLookedInto: statistics.notLookedInto,
    stopped,
  };
}

const STOP_TEXTS: Readonly<Record<CampaignSummary['stopped'], string>> = {
  execs: 'all mutants done',
  time: 'time limit reached',
  finding: 'stopped at the first finding',
  interrupted: 'interrupted',
  disk: 'stopped: the folder has reached --max-disk',
  plugins: 'stopped: every plug-in that judges has failed',
  seeds: 'stopped: no seed can be mutated',
  queries: 'every seed is broken, or has no queries left',
  turn: 'no search, since the attacker moves before the defence is fixed',
  attacks: 'the attacks are done',
};

/** Maximum number of mutators named in the summary. */
const MAX_MUTATORS = 5;

/** The mutators that added most corpus entries, if there is more than one, and the share of mutants rejected by the constraints. */
function mutatorLines({ mutators, rejected }: CampaignSummary['statistics']): string[] {
  const best = mutators.filter(({ entries }) => entries > 0).sort((a, b) => b.entries - a.entries);
  const named = best
    .slice(0, MAX_MUTATORS)
    .map((figures) => `${mutatorLabel(figures, mutators)} ${formatCount(figures.entries)}`);
  const lines: string[] = [];
  if (mutators.length > 1 && named.length > 0)
    lines.push(`new corpus entries by mutator: ${named.join(', ')}`);
  if (rejected > 0)
    lines.push(
      `${(100 * rejected).toPrecision(2)} % of the generated mutants were rejected by the constraints`,
    );
  return lines;
}

/** Maximum number of open numerical sites named in the summary. */
const MAX_SITES = 3;

/** How many sites were ruled out by each method beside intervals, in parentheses; empty where intervals were enough. */
function methodsText(sites: CampaignSummary['statistics']['sites']): string {
  const counts = BOUND_METHODS.map((method) => ({
    method,
    count: sites.filter((site) => site.method === method).length,
  })).filter(({ count }) => count > 0);
  if (counts.every(({ method }) => method === 'interval')) return '';
  return ` (${counts.map(({ method, count }) => `${count} by ${method}`).join(', ')})`;
}

/** How close the nearest run came to a site's failure; where no value is known, when the site fails. */
function closenessLine({ site, region, closest }: CampaignSummary['statistics']['sites'][number]): string {
  return `  ${site}: ${closest === undefined ? `not reached; fails where ${region}` : closenessText(closest)}`;
}

/** State of the numerical sites, and the sites that came closest to a failure. */
function siteLines({ sites }: CampaignSummary['statistics']): string[] {
  if (sites.length === 0) return [];
  const triggered = sites.filter(({ status }) => status === 'triggered');
  const harmless = triggered.filter(({ signature }) => signature === null).length;
  const [failed, ...others] = siteCounts(sites);
  const [safe, open] = others;
  const ofSizes = sites.flatMap(({ site, status, sizesOf }) =>
    status !== 'open' || sizesOf === undefined
      ? []
      : [`  ${site}: not reached; depends only on the size of ${sizesOf.join(' and ')}`],
  );
  return [
    `numerical sites: ${failed}${harmless === 0 ? '' : ` (${formatCount(harmless)} with no effect on an output)`}, ${safe}${methodsText(sites)}, ${open}`,
    ...sitesByCloseness(sites).slice(0, MAX_SITES).map(closenessLine),
    ...ofSizes.slice(0, MAX_SITES),
  ];
}

/** How answers depend on the rest of the batch, and how many testcases a run had. */
function batchLines({ batch, batchDependence }: CampaignSummary): string[] {
  if (batchDependence === undefined) return [];
  return [`${dependenceText(batchDependence)}; each run had ${plural(batch, 'testcase')}`];
}

/** How often the neighbour index found the nearest activations, where it is approximate. */
function recallLines({ indexRecall }: CampaignSummary['statistics']): string[] {
  const text = indexRecall && recallText(indexRecall);
  return text === undefined ? [] : [text];
}

/** How far the attacker of a threat model got. */
function threatLines({ threat, statistics, threatAudit }: CampaignSummary): string[] {
  if (threat === undefined) return [];
  const { model, seeds } = threat;
  return [
    ...threatSuccess(model, seeds, statistics.seedAccounts).map((success) => successLine(model, success)),
    ...(statistics.submitted === undefined
      ? []
      : [
          `threat model: ${plural(statistics.submitted, 'input')} of those found on the surrogate ${statistics.submitted === 1 ? 'was' : 'were'} submitted to the model`,
        ]),
    ...(threatAudit === undefined || threatAudit.checked === 0
      ? []
      : [`threat model: ${plural(threatAudit.checked, 'finding')} checked, ${threatAudit.outside} outside`]),
  ];
}

/** How likely the next mutant is to show another fault. */
function newFaultLine({ newFaults }: CampaignSummary['statistics']): string {
  const { mutantsSinceLast, upper95 } = newFaults;
  const limit = chanceText({ chance: upper95, isUpperBound: false });
  return `chance that the next mutant shows a new fault: ${chanceText(newFaults)} (below ${limit} with 95 % confidence); no new fault in the last ${plural(mutantsSinceLast, 'mutant')}`;
}

/** How many findings of a fault are kept, and how they reproduce. */
function keptText({ kept, batchDependent, why }: Fault): string {
  if (kept === 0) return why === undefined ? 'flaky, does not reproduce' : `flaky: ${why}`;
  const findings = `${plural(kept, 'finding')} kept`;
  if (batchDependent === 0) return findings;
  return `${findings}, ${batchDependent === kept ? '' : `${batchDependent} of them `}batch-dependent`;
}

/** That there is no fault, and how many ties there are beside. */
function nothingFoundText(others: readonly Fault[]): string {
  const countOf = (list: readonly Fault[]): string =>
    plural(
      list.reduce((sum, { hits }) => sum + hits, 0),
      'hit',
    );
  const ties = others.filter(({ signature }) => isTie(signature));
  const unclear = others.filter(({ signature }) => !isTie(signature));
  const clauses = [
    ...(ties.length === 0 ? [] : [`ties, which do not count as faults: ${countOf(ties)}`]),
    ...(unclear.length === 0
      ? []
      : [
          `wrong answers whose inputs the judges do not all find clear, which do not count as faults: ${countOf(unclear)}`,
        ]),
  ];
  return clauses.length === 0 ? 'nothing found' : `nothing found except ${clauses.join('; and ')}`;
}

/** Stop reasons after which the campaign can be resumed. */
const RESUMABLE: ReadonlySet<CampaignSummary['stopped']> = new Set(['interrupted', 'time', 'disk']);

/** What a fault that is none begins with in the list. */
function notAFault({ signature }: Fault): string {
  if (!isNoFault(signature)) return '';
  return isTie(signature) ? 'not a fault: ' : `not a fault, since ${noFaultReason(signature)}: `;
}

/** Formats the summary that is printed at the end of a campaign. */
export function summaryLines(summary: CampaignSummary): string[] {
  const { statistics, folder, masterSeed } = summary;
  const lines = [
    `${STOP_TEXTS[summary.stopped]}: ${plural(statistics.execs, 'mutant')} in ${statistics.elapsedSeconds.toFixed(1)} s (${formatCount(Math.round(statistics.execsPerSecond))} per second), corpus ${formatCount(statistics.corpus)} (${plural(statistics.seeds, 'seed')}), seed ${masterSeed}`,
  ];
  if (statistics.gradients > 0)
    lines.push(
      `${plural(statistics.forwardEquivalents, 'pass', 'passes')} of the model for ${plural(statistics.execs, 'mutant')} and ${plural(statistics.gradients, 'gradient')}`,
    );
  if (statistics.looked > 0)
    lines.push(`${plural(statistics.looked, 'mutant')} scored without generating an answer`);
  lines.push(
    ...mutatorLines(statistics),
    ...recallLines(statistics),
    ...siteLines(statistics),
    ...batchLines(summary),
  );
  lines.push(...statistics.seedAccounts.flatMap(seedLines));
  lines.push(...threatLines(summary));
  if (statistics.execs > 0) lines.push(newFaultLine(statistics));
  if (statistics.faults.every(({ signature }) => isNoFault(signature)))
    lines.push(nothingFoundText(statistics.faults), `campaign: ${folder}`);
  lines.push(...notLookedIntoLines(statistics.notLookedInto));
  if (RESUMABLE.has(summary.stopped)) {
    lines.push(`resume: ${resumeLine(folder)}`);
  }
  const rank = ({ signature }: Fault): number => (isNoFault(signature) ? 2 : Number(isAbsorbed(signature)));
  for (const fault of [...statistics.faults].sort((a, b) => rank(a) - rank(b))) {
    lines.push(
      '',
      `${fault.signature}: ${fault.summary}`,
      `  ${notAFault(fault)}${plural(fault.hits, 'hit')}, first at mutant ${formatCount(fault.firstExecs)} after ${fault.firstSeconds.toFixed(2)} s, ${keptText(fault)}`,
      `  ${join(folder, fault.path)}`,
      `  replay: ${launcher()} replay ${quote(join(folder, fault.path))}`,
    );
  }
  return lines;
}
