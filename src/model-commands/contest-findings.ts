import type { AttackedInput } from '../attacks/attack.ts';
import type { AttackHit } from '../campaign/enter-attacks.ts';
import type { Monitor } from '../campaign/monitor/monitor.ts';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import { runCampaign } from '../campaign/run-campaign.ts';
import type { ThreatAudit } from '../campaign/threat-model/audit-findings.ts';
import type { CampaignConfig } from '../config/schema.ts';
import { plural } from '../core/format-number.ts';
import type { OnProgress } from '../core/progress.ts';
import { testcaseId } from '../inputs/testcase.ts';
import { packBatch } from '../model/testcase-batch.ts';
import { isConfidentError } from '../objectives/class-answer.ts';
import { type AnswerRule, confidentErrorSpec } from '../objectives/confident-error.ts';
import type { Violation } from '../objectives/objective.ts';
import { makeObjective } from '../objectives/registry.ts';
import type { ModelSession } from '../workers/model-session.ts';
import type { AttackResult } from './contest-attacks.ts';

/** What the attacks found, and by which rule the model answers. */
export interface AttackedContest {
  readonly results: readonly AttackResult[];
  readonly inputs: readonly AttackedInput[];
  readonly threshold: number;
  readonly rule: AnswerRule;
  /** Name of the attacked input. */
  readonly input: string;
  /** The objective that an attack's mistakes violate, by the attack's name; `confident-error` by default. */
  readonly specOf?: (name: string) => string;
}

/**
 * Writes a campaign's folder with a finding for each confident mistake, each run again as those of `fuzz` are. An input that is
 * wrong without a change is one of `clean` alone.
 *
 * @returns the number of findings that were confirmed, and how they obey the threat model, if there is one
 */
export async function recordMistakes(
  session: ModelSession,
  { config, overwrite }: { readonly config: CampaignConfig; readonly overwrite: boolean },
  contest: AttackedContest,
  notices: Notices,
  onProgress: OnProgress,
): Promise<{ readonly findings: number; readonly threatModel: ThreatAudit | undefined }> {
  const { results, inputs, threshold, rule } = contest;
  const { specOf = (name) => confidentErrorSpec(name, { threshold, ...rule }) } = contest;
  const specs = results.map(({ attack }) => specOf(attack.name));
  const hits: AttackHit[] = [];
  for (const [i, { attack, outcomes }] of results.entries()) {
    const mistakes = inputs.flatMap(({ data: seed, label }, k) => {
      const { data, answer, queries } = outcomes[k];
      const isSeed = testcaseId(data) === testcaseId(seed);
      if (!isConfidentError(answer, threshold) || (isSeed && attack.name !== 'clean')) return [];
      const mutator = `${contest.input}:${attack.name}`;
      return [{ data, label, seed: isSeed ? undefined : seed, mutator, queries }];
    });
    for (const mistake of mistakes) {
      const violation = await violationOf(session, specs[i], mistake);
      if (violation !== undefined) hits.push({ ...mistake, violation });
    }
  }
  const summary = await runCampaign(
    campaignOf(config, specs, inputs.length),
    confirmationMonitor(notices, onProgress),
    new AbortController().signal,
    overwrite ? 'overwrite' : 'new',
    undefined,
    performance.now(),
    hits,
  );
  const findings = summary.statistics.faults.reduce((sum, { kept }) => sum + kept, 0);
  const lost = hits.length - findings - (summary.threatAudit?.outside ?? 0);
  if (lost > 0)
    notices.warn(
      `${lost} of ${plural(hits.length, 'mistake')} did not hold in every rerun: the model is random, and the table counts them anyway`,
    );
  return { findings, threatModel: summary.threatAudit };
}

/** What the objective says of an input, alone. */
async function violationOf(
  session: ModelSession,
  spec: string,
  { data, label }: Pick<AttackHit, 'data' | 'label'>,
): Promise<Violation | undefined> {
  const objective = await makeObjective(spec);
  const inner = (objective.tensors ?? []).filter((name) => !session.info.outputs.includes(name));
  const [run] = await session.run([data], inner);
  const { form, inputs } = packBatch([data]);
  let found: Violation | undefined;
  objective.judge(
    {
      ...run,
      inputs: form.inputs.map((input, i) => ({ ...input, data: inputs[i] })),
      labels: [label],
    },
    (_row, violation) => {
      found = violation;
    },
  );
  return found;
}

/**
 * The campaign that holds the findings: the contest's model and inputs, its rule as objectives, and no limits of a search, but
 * those of a threat model, which findings are checked against.
 */
function campaignOf(config: CampaignConfig, specs: readonly string[], inputs: number): CampaignConfig {
  return {
    ...config,
    objective: [...specs],
    keep: Math.max(1, inputs),
    guidance: 'none',
    jobs: 1,
    ...(config.threatModel === undefined ? { linf: undefined, l2: undefined, l0: undefined } : {}),
    corpus: undefined,
    time: undefined,
    execs: undefined,
  };
}

/** Passes on warnings, and how many hits are confirmed. */
function confirmationMonitor({ warn }: Notices, onProgress: OnProgress): Monitor {
  return {
    info: () => {},
    warn,
    onPhase: ({ name, done = 0, total }) => {
      if (name === 'confirming') onProgress({ label: 'confirming', done, total, unit: 'finding' });
    },
    onStart: () => {},
    onFault: () => {},
    onThresholdChange: () => {},
    onStatistics: () => {},
  };
}
