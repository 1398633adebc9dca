import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { startView } from '../src/view/server/start-view.ts';

/** The system's Chromium. */
const CHROMIUM = '/usr/bin/chromium';

const CAMPAIGNS = [
  ['digits', 'nan-digits', '4000', '5'],
  ['quantized', 'quantized-digits', '3000', '1'],
  ['letters', 'char-lm', '1000', '1'],
] as const;

/** What a picture shows: its file, the width of the window, and how to get there from the first page. */
interface Shot {
  readonly file: string;
  readonly width: 1280 | 390;
  readonly scheme: 'light' | 'dark';
  prepare(page: Page): Promise<void>;
}

/** Time within which the page shows predictions, for which it loads a model. */
const PREDICTIONS_TIMEOUT_MS = 120_000;

async function openFault(page: Page): Promise<void> {
  await page.locator('.fault-item a').first().click();
  await page.locator('article svg').first().waitFor();
  await page.locator('article .prediction').first().waitFor({ timeout: PREDICTIONS_TIMEOUT_MS });
}

const SHOTS: readonly Shot[] = [
  { file: 'view.png', width: 1280, scheme: 'light', prepare: openFault },
  {
    file: 'view-comparison.png',
    width: 1280,
    scheme: 'dark',
    prepare: async (page) => {
      for (const i of [0, 1]) await page.locator('.fault-item input').nth(i).check();
      await page.getByRole('link', { name: 'Compare' }).click();
      // Both findings.
      const cells = page
        .locator('table.compared tr', { hasText: 'predictions' })
        .locator('td', { hasText: 'seed: class' });
      await cells.nth(1).waitFor({ timeout: PREDICTIONS_TIMEOUT_MS });
    },
  },
  { file: 'view-phone.png', width: 390, scheme: 'light', prepare: async () => {} },
  { file: 'view-phone-fault.png', width: 390, scheme: 'dark', prepare: openFault },
];

/**
 * Draws the page of `neurofuzz view` on three bundled campaigns, wide and on a phone, light and dark.
 *
 * @param out folder of the pictures
 */
export async function drawViewPictures(out: string): Promise<void> {
  const script = resolve('bin/neurofuzz.js');
  const corpora = resolve('corpora');
  const pictures = resolve(out);
  const before = process.cwd();
  const folder = await mkdtemp(join(tmpdir(), 'neurofuzz-pictures-'));
  // Paths in the pictures are those that a user sees who works in this folder.
  await cp(corpora, join(folder, 'corpora'), { recursive: true });
  process.chdir(folder);
  try {
    const folders = CAMPAIGNS.map(([name, corpus, execs, seed]) => {
      const campaign = join('neurofuzz-out', name);
      const config = join('corpora', corpus, 'campaign.yaml');
      const flags = ['-c', config, '-n', execs, '-s', seed, '--exit-zero', '--quiet', '-o', campaign];
      execFileSync(process.execPath, [script, 'fuzz', ...flags], { stdio: 'inherit' });
      return campaign;
    });
    const replayLine = (path: string): string => `neurofuzz replay ${path}`;
    const onError = (error: unknown): void => {
      throw error;
    };
    const view = await startView({ folders, port: 0, isReadOnly: false, jobFlags: [], replayLine, onError });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
    try {
      for (const { file, width, scheme, prepare } of SHOTS) {
        const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
        const page = await context.newPage();
        await page.goto(view.address);
        await page.locator('.fault-item').first().waitFor();
        await prepare(page);
        const png = await page.screenshot();
        await sharp(png)
          .png({ palette: true, colours: 128, compressionLevel: 9 })
          .toFile(join(pictures, file));
        await context.close();
      }
    } finally {
      await browser.close();
      await view.close();
    }
  } finally {
    process.chdir(before);
    await rm(folder, { recursive: true, force: true });
  }
}
