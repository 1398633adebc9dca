import { spawnSync } from 'node:child_process';
import { symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { withFolder } from './campaign.ts';
import { runPicturedCampaign } from './status-pictures.ts';
import { drawTerminal, openBrowser } from './terminal-picture.ts';

/** Windows in which the report of a night is drawn, and the file of each. */
const WINDOWS = [
  { file: 'night.png', width: 1280, height: 800 },
  { file: 'night-phone.png', width: 390, height: 844 },
] as const;

/** Campaigns of the night, those that have three objectives that fail, and the one that has a new fault. */
const CAMPAIGNS = 20;
const FAULTY = 17;
const CHANGED = 18;

/** Objectives that the bundled digit classifier fails, none of them on all its seeds. */
const FAILING =
  '{ brighter: "metamorphic:brightness:most=0.1", shifted: "metamorphic:translate:most=0.04", bounded: "assert:max(abs(logits)) < 21" }';

/** The nightly file: on the second night one campaign checks for NaN and infinity. */
function nightlyFile(isSecondNight: boolean): string {
  const campaigns = Array.from({ length: CAMPAIGNS }, (_, i) => {
    const number = i + 1;
    const isChanged = isSecondNight && number === CHANGED;
    const objective = isChanged
      ? 'nonfinite'
      : number <= FAULTY
        ? FAILING
        : '"assert:all(probabilities >= 0)"';
    return [
      `  ${i % 2 === 0 ? 'speech' : 'vision'}-${number}:`,
      `    config: ${JSON.stringify(resolve('corpora/nan-digits/campaign.yaml'))}`,
      `    execs: ${isChanged ? 30_000 : 1000}`,
      `    seed: '${isChanged ? 5 : number}'`,
      `    objective: ${objective}`,
    ].join('\n');
  });
  return `time: 1h\nminimize: 300\ncampaigns:\n${campaigns.join('\n')}\n`;
}

/**
 * Draws the report of a night of twenty campaigns, most of whose faults are known, in a wide window and on a phone, and the screen
 * of a night.
 *
 * @param out folder of the pictures
 */
export async function drawNightPictures(out: string): Promise<void> {
  // Before picocolors is loaded.
  process.env.FORCE_COLOR = '1';
  const browser = await openBrowser();
  try {
    await withFolder(async (folder) => {
      // By this name, commands in the report are those of an installed package.
      const command = join(folder, 'neurofuzz');
      await symlink(resolve('bin/neurofuzz.js'), command);
      for (const isSecondNight of [false, true]) {
        await writeFile(join(folder, 'nightly.yaml'), nightlyFile(isSecondNight));
        const { status } = spawnSync(process.execPath, [command, 'nightly', 'nightly.yaml', '--quiet'], {
          cwd: folder,
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        if (status !== 1) throw new Error(`the night ended with exit code ${status}`);
      }
      for (const { file, width, height } of WINDOWS) {
        const page = await browser.newPage({ viewport: { width, height } });
        await page.goto(pathToFileURL(join(folder, 'neurofuzz-nights', 'report.html')).href);
        const png = await page.screenshot();
        await sharp(png).png({ palette: true, colours: 64, compressionLevel: 9 }).toFile(join(out, file));
        await page.close();
      }
    });
    const { NightScreen } = await import('../src/cli/output/night-screen.ts');
    const { plan, statistics, faults } = await runPicturedCampaign();
    const columns = 100;
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 40 });
    const hour = 3_600_000;
    const startMs = performance.now();
    let elapsedMs = 0;
    const screen = new NightScreen(stream, {
      totalMs: 8 * hour,
      isParallel: false,
      now: () => startMs + elapsedMs,
    });
    elapsedMs = 1.05 * hour;
    const monitor = screen.campaignMonitor({
      name: 'digits',
      number: 2,
      total: 5,
      milliseconds: 1.6 * hour,
      knownSignatures: new Set(),
    });
    const startedAt = performance.now() - 1000 * statistics.elapsedSeconds;
    const limits = { ...plan.limits, startedAt, seconds: 1.6 * 3600 };
    monitor.onStart({ ...plan, folder: 'neurofuzz-nights/campaigns/digits/0001', limits });
    for (const fault of faults) monitor.onFault(fault, plan.folder);
    monitor.onStatistics(statistics);
    await drawTerminal(browser, String(stream.read()), columns, out, 'night-screen.png');
    screen.finish();
  } finally {
    await browser.close();
  }
}
