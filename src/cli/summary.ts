import { join } from 'node:path';
import type { Summary } from '../fuzzer/observer.ts';
import { plural } from '../fuzzer/status.ts';
import { launcher, quote, resumeLine } from './launcher.ts';

/** The object that `fuzz --json` prints. */
export function summaryJson(summary: Summary): unknown {
  const { folder, masterSeed, model, batch, coverage, figures, stopped } = summary;
  return {
    campaign: folder,
    seed: masterSeed,
    model: { path: model.path, sha256: model.sha256, format: model.format, runtime: model.runtime.kind },
    execs: figures.execs,
    elapsedSeconds: figures.elapsedSeconds,
    execsPerSecond: figures.execsPerSecond,
    jobs: summary.jobs,
    batch,
    coverage,
    corpus: { seeds: figures.seeds, count: figures.corpus },
    findings: {
      hits: figures.hits,
      signatures: figures.faults.map(
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
    stopped,
  };
}

const ENDED: Readonly<Record<Summary['stopped'], string>> = {
  execs: 'all mutants done',
  time: 'time is up',
  finding: 'stopped at the first finding',
  interrupted: 'interrupted',
  disk: 'the folder has reached --max-disk',
  seeds: 'every seed breaks an objective: nothing to mutate',
};

/** Mutators named in the summary. */
const MOST_MUTATORS = 5;

/** Which mutators brought most for the corpus, where there was a choice, and how much the constraints rejected. */
function mutatorLines({ mutators, rejected }: Summary['figures']): string[] {
  const best = mutators.filter((one) => one.entries > 0).sort((a, b) => b.entries - a.entries);
  const named = best.slice(0, MOST_MUTATORS).map(({ mutator, entries }) => `${mutator} ${entries}`);
  const brought = mutators.length > 1 && named.length > 0 ? [`new entries by ${named.join(', ')}`] : [];
  return rejected > 0
    ? [...brought, `${(100 * rejected).toPrecision(2)} % of the mutants drawn were outside the constraints`]
    : brought;
}

/** Ends after which there is more to do. */
const RESUMABLE: ReadonlySet<Summary['stopped']> = new Set(['interrupted', 'time', 'disk']);

/** What a person reads at the end. */
export function summaryText(summary: Summary): string {
  const { figures, folder, masterSeed } = summary;
  const count = new Intl.NumberFormat('en');
  const lines = [
    `${ENDED[summary.stopped]}: ${count.format(figures.execs)} mutants in ${figures.elapsedSeconds.toFixed(1)} s (${count.format(Math.round(figures.execsPerSecond))} a second), corpus ${count.format(figures.corpus)} (${figures.seeds} seeds), seed ${masterSeed}`,
  ];
  lines.push(...mutatorLines(figures));
  if (figures.faults.length === 0) lines.push('nothing found', `campaign: ${folder}`);
  if (RESUMABLE.has(summary.stopped)) {
    lines.push(`go on: ${resumeLine(folder)}`);
  }
  for (const fault of figures.faults) {
    const state = fault.kept > 0 ? `${fault.kept} kept` : 'flaky, does not reproduce';
    lines.push(
      '',
      `${fault.signature}: ${fault.summary}`,
      `  ${plural(fault.hits, 'hit')}, first at mutant ${count.format(fault.firstExecs)} after ${fault.firstSeconds.toFixed(2)} s, ${state}`,
      `  ${join(folder, fault.path)}`,
      `  replay: ${launcher()} replay ${quote(join(folder, fault.path))}`,
    );
  }
  return lines.join('\n');
}
