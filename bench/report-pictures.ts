import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import sharp from 'sharp';
import { report } from '../src/report/report.ts';

/** The system's Chromium. */
const CHROMIUM = '/usr/bin/chromium';

/** Bundled campaigns with their flags, and the tries for minimizing each finding. */
const CAMPAIGNS = [
  ['nan-digits', ['-n', '6000', '-s', '5'], '20000'],
  ['quantized-digits', ['-n', '3000', '-s', '1'], '5000'],
  ['char-lm', ['-n', '400', '-s', '4', '-O', 'text:repeated-word'], '2000'],
] as const;

/** What a picture shows: its file, the campaigns of the report, the window, and the place that it begins at. */
interface Shot {
  readonly file: string;
  readonly campaigns: readonly (typeof CAMPAIGNS)[number][0][];
  readonly width: 1280 | 390;
  readonly scheme: 'light' | 'dark';
  /** Selector of the first element shown; the top of the page by default. */
  readonly from?: string;
}

const ALL = CAMPAIGNS.map(([name]) => name);

const SHOTS: readonly Shot[] = [
  { file: 'report.png', campaigns: ['nan-digits'], width: 1280, scheme: 'light' },
  { file: 'report-dark.png', campaigns: ALL, width: 1280, scheme: 'dark' },
  { file: 'report-pair.png', campaigns: ['quantized-digits'], width: 1280, scheme: 'light', from: 'article' },
  { file: 'report-text.png', campaigns: ['char-lm'], width: 1280, scheme: 'dark', from: 'article' },
  { file: 'report-phone.png', campaigns: ['nan-digits'], width: 390, scheme: 'light', from: 'article' },
  { file: 'report-phone-dark.png', campaigns: ALL, width: 390, scheme: 'dark' },
];

/**
 * Draws reports on the bundled campaigns, wide and on a phone, light and dark.
 *
 * @param out folder of the pictures
 */
export async function drawReportPictures(out: string): Promise<void> {
  const script = resolve('bin/neurofuzz.js');
  const corpora = resolve('corpora');
  const pictures = resolve(out);
  const before = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-pictures-'));
  const run = (...args: readonly string[]): void => {
    execFileSync(process.execPath, [script, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  // Paths in the pictures are those that a user sees who works in this folder.
  process.chdir(folder);
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
  try {
    for (const [name, campaignFlags, tries] of CAMPAIGNS) {
      const config = join(corpora, name, 'campaign.yaml');
      const flags = [...campaignFlags, '-j', '1', '--keep', '2', '--exit-zero', '--quiet'];
      run('fuzz', '-c', config, ...flags, '-o', campaignFolder(name));
      run('minimize', '--all', campaignFolder(name), '--tries', tries);
    }
    for (const shot of SHOTS) {
      const html = 'report.html';
      await report(
        shot.campaigns.map((name) => ({ folder: campaignFolder(name) })),
        { html },
        { replayLine: (path) => `npx neurofuzz replay ${path}` },
      );
      await takeShot(browser, resolve(html), shot, join(pictures, shot.file));
    }
  } finally {
    await browser.close();
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  }
}

function campaignFolder(name: string): string {
  return join('neurofuzz-out', name);
}

async function takeShot(
  browser: Browser,
  html: string,
  { width, scheme, from }: Shot,
  file: string,
): Promise<void> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
  const page = await context.newPage();
  await page.goto(pathToFileURL(html).href);
  if (from !== undefined)
    await page
      .locator(from)
      .first()
      .evaluate((element) => element.scrollIntoView());
  const png = await page.screenshot();
  await sharp(png).png({ palette: true, colours: 128, compressionLevel: 9 }).toFile(file);
  await context.close();
}
