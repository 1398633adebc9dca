import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Fault } from '../src/campaign/findings/fault-registry.ts';
import type { CampaignPlan } from '../src/campaign/monitor/monitor.ts';
import type { Statistics } from '../src/campaign/monitor/statistics.ts';
import { runCampaign } from '../src/campaign/run-campaign.ts';
import { checkSettings, readCampaignFile } from '../src/config/load.ts';
import { silentMonitor, withFolder } from './campaign.ts';
import { drawTerminal, openBrowser } from './terminal-picture.ts';

/** Widths of the terminals that are drawn, and the file of each. */
const TERMINALS = [
  { columns: 100, file: 'status.png' },
  { columns: 60, file: 'status-60.png' },
  { columns: 40, file: 'status-40.png' },
] as const;

const CAMPAIGN = 'corpora/nan-digits/campaign.yaml';

/** Seconds that the pictured campaign runs, and those of its time limit. */
const RUN_SECONDS = 20;
const LIMIT_SECONDS = 60;

/** A campaign at one moment. */
interface Moment {
  readonly plan: CampaignPlan;
  readonly statistics: Statistics;
  readonly faults: readonly Fault[];
}

/** Runs the bundled campaign until it has found its fault, and for some seconds at least. */
export async function runPicturedCampaign(): Promise<Moment> {
  return withFolder(async (folder) => {
    const file = await readCampaignFile(CAMPAIGN);
    const settings = checkSettings(
      file,
      { out: join(folder, 'nan-digits'), seed: '1', time: `${LIMIT_SECONDS}s` },
      CAMPAIGN,
    );
    const stop = new AbortController();
    const faults: Fault[] = [];
    let plan: CampaignPlan | undefined;
    let statistics: Statistics | undefined;
    await runCampaign(
      settings,
      {
        ...silentMonitor((latest) => {
          statistics = latest;
          if (latest.elapsedSeconds > RUN_SECONDS && faults.length > 0) stop.abort();
        }),
        onStart: (started) => {
          plan = started;
        },
        onFault: (fault) => void faults.push(fault),
      },
      stop.signal,
    );
    if (plan === undefined || statistics === undefined) throw new Error('the campaign did not begin');
    return { plan: { ...plan, folder: 'neurofuzz-out/nan-digits' }, statistics, faults };
  });
}

/** Draws docs/images/status*.png: the status screen of the bundled campaign on terminals of three widths. */
export async function drawStatusPictures(out: string): Promise<void> {
  // Before picocolors is loaded.
  process.env.FORCE_COLOR = '1';
  const { StatusScreen } = await import('../src/cli/output/status-screen.ts');
  const { plan, statistics, faults } = await runPicturedCampaign();
  const browser = await openBrowser();
  try {
    for (const { columns, file } of TERMINALS) {
      const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 40 });
      const resumeLine = (folder: string): string => `npx neurofuzz fuzz --resume --out ${folder}`;
      const screen = new StatusScreen(stream, { resumeLine });
      const startedAt = performance.now() - 1000 * statistics.elapsedSeconds;
      screen.onStart({ ...plan, limits: { ...plan.limits, startedAt } });
      for (const fault of faults) screen.onFault(fault, plan.folder);
      screen.onStatistics(statistics);
      await drawTerminal(browser, String(stream.read()), columns, out, file);
      screen.finish();
    }
  } finally {
    await browser.close();
  }
}
