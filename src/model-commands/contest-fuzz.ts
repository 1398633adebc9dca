import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AttackContext,
  type AttackedInput,
  AttackedValues,
  type AttackOutcome,
  smaller,
  WorstFinder,
} from '../attacks/attack.ts';
import { LINF, linfLimit } from '../attacks/linf.ts';
import type { Monitor } from '../campaign/monitor/monitor.ts';
import { runCampaign } from '../campaign/run-campaign.ts';
import type { CampaignConfig } from '../config/schema.ts';
import type { OnProgress } from '../core/progress.ts';
import type { ParameterValues } from '../extensions/parameters.ts';
import { encodeTestcase, type TestcaseData, testcaseId } from '../inputs/testcase.ts';
import { stripBatchDimension } from '../model/batch-axis.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { NO_ANSWER } from '../objectives/class-answer.ts';
import { AnswerReader, type AnswerRule, confidentErrorSpec } from '../objectives/confident-error.ts';
import { loadTestcase, readJournal, testcasePath } from '../storage/journal.ts';
import { modelPath } from '../storage/load-options.ts';
import { readFindings } from '../triage/findings.ts';
import type { ModelSession } from '../workers/model-session.ts';

/** Findings that may be kept for each input: a task may hit one several times. */
const KEPT_PER_INPUT = 20;

/** The inputs, how answers are read, and what the attacks know. */
export interface FuzzedContest {
  readonly inputs: readonly AttackedInput[];
  readonly rule: AnswerRule;
  readonly context: AttackContext;
}

/**
 * Attacks inputs by a campaign of the fuzzer: they are its seeds, and its mutants as many as the queries of an attack for all of
 * them. Of each input the worst testcase counts that the campaign kept.
 *
 * @param values parameters of the attack
 */
export async function fuzzInputs(
  session: ModelSession,
  config: CampaignConfig,
  contest: FuzzedContest,
  values: ParameterValues,
  onProgress: OnProgress,
): Promise<readonly AttackOutcome[]> {
  const { inputs, rule, context } = contest;
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-contest-'));
  try {
    const campaign = join(folder, 'campaign');
    const limit = linfLimit(inputs[0].data, new AttackedValues(context), context, values(LINF));
    const execs = context.queries * inputs.length;
    const abort = new AbortController();
    const summary = await runCampaign(
      {
        ...config,
        ...(await writeSeeds(folder, inputs)),
        model: modelPath(config).absolute,
        objective: [confidentErrorSpec('fuzz', { threshold: context.threshold, ...rule })],
        keep: KEPT_PER_INPUT * inputs.length,
        linf: smaller(limit, context.limits?.linf),
        seed: context.seed,
        out: campaign,
        perSeed: 'first',
        corpus: undefined,
        time: undefined,
        untilFinding: false,
        execs,
      },
      progressMonitor(execs, onProgress, abort),
      abort.signal,
    );
    const found = await keptTestcases(session, campaign);
    const queries = new Map(
      summary.statistics.seedAccounts.flatMap(({ accounts }) =>
        accounts.map((row) => [row.seed, row.firstQuery ?? row.queries] as const),
      ),
    );
    const outcomes: AttackOutcome[] = [];
    for (const input of inputs) {
      const id = testcaseId(input.data);
      const worst = await worstOf(session, rule, input, [input.data, ...(found.get(id) ?? [])], context);
      outcomes.push({ ...worst, queries: Math.max(1, queries.get(id) ?? 1) });
    }
    return outcomes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes inputs and labels as files of seeds: those of one shape in one file. */
async function writeSeeds(
  folder: string,
  inputs: readonly AttackedInput[],
): Promise<Pick<CampaignConfig, 'seeds' | 'labels'>> {
  const seeds: string[] = [];
  const labels: number[] = [];
  for (const key of new Set(inputs.map(({ data }) => data.form.key))) {
    const members = inputs.filter(({ data }) => data.form.key === key);
    const path = join(folder, `seeds-${seeds.length}.npz`);
    await writeFile(path, encodeTestcase(packBatch(members.map(({ data }) => data)), members.length));
    seeds.push(path);
    labels.push(...members.map(({ label }) => label));
  }
  const labelFile = join(folder, 'labels.txt');
  await writeFile(labelFile, labels.map((label) => `${label}\n`).join(''));
  return { seeds, labels: labelFile };
}

/** The testcases of a campaign's folder by the ids of their seeds: of its findings the first of each seed, and of its corpus. */
async function keptTestcases(
  session: ModelSession,
  campaign: string,
): Promise<ReadonlyMap<string, readonly TestcaseData[]>> {
  const inputs = stripBatchDimension(session.info.inputs);
  const kept = new Map<string, TestcaseData[]>();
  const add = async (path: string, id: string, ancestor: string): Promise<void> => {
    const loaded = await loadTestcase(path, inputs, id);
    if (typeof loaded === 'object') kept.set(ancestor, [...(kept.get(ancestor) ?? []), loaded.data]);
  };
  const findings = [...readFindings(campaign, [])].sort(
    (a, b) => a.finding.execs - b.finding.execs || (a.finding.id < b.finding.id ? -1 : 1),
  );
  const broken = new Set<string>();
  for (const { folder, finding } of findings) {
    if (broken.has(finding.ancestor)) continue;
    broken.add(finding.ancestor);
    await add(join(folder, 'input.npz'), finding.id, finding.ancestor);
  }
  const { lines } = await readJournal(campaign, Number.POSITIVE_INFINITY, []);
  for (const { record } of lines)
    if (record.parent !== null && !broken.has(record.ancestor))
      await add(testcasePath(campaign, record.id), record.id, record.ancestor);
  return kept;
}

async function worstOf(
  session: ModelSession,
  rule: AnswerRule,
  input: AttackedInput,
  testcases: readonly TestcaseData[],
  { threshold }: AttackContext,
): Promise<AttackOutcome> {
  const isInner = rule.logits !== undefined && !session.info.outputs.includes(rule.logits);
  const runs = await session.run(testcases, isInner && rule.logits !== undefined ? [rule.logits] : []);
  const reader = new AnswerReader(rule);
  const worst = new WorstFinder(input, threshold);
  let next = 0;
  for (const run of runs)
    for (let row = 0; row < run.rows; row++)
      worst.take(testcases[next++], reader.read(run, row, input.label) ?? NO_ANSWER);
  return worst.outcome;
}

/** Reports the mutants, and ends the campaign where all seeds are broken: nothing that counts comes after that. */
function progressMonitor(total: number, onProgress: OnProgress, abort: AbortController): Monitor {
  return {
    info: () => {},
    warn: () => {},
    onPhase: () => {},
    onStart: () => {},
    onFault: () => {},
    onThresholdChange: () => {},
    onStatistics: ({ execs, seedAccounts }) => {
      onProgress({
        label: 'fuzzing',
        done: execs,
        total,
        isUpperBound: true,
        unit: 'query',
        units: 'queries',
      });
      if (seedAccounts.length > 0 && seedAccounts.every(({ broken, seeds }) => broken === seeds))
        abort.abort();
    },
  };
}
