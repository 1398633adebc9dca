import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { accessibilityFaults, openBrowser, openPage, TESTS_PAGES } from '../support/browser.ts';
import { BUNDLED, findingFolders, readJson, writeFinding } from '../support/campaign.ts';
import { neurofuzz, neurofuzzProcess } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writePhotographOnnx } from '../support/models.ts';
import { junitFaults, sarifFaults } from '../support/schemas.ts';

const folder = testFolder();
const [digits, pair, texts] = ['digits', 'pair', 'texts'].map((name) => join(folder, name));

beforeAll(async () => {
  const bundled = (name: string, out: string, execs: string) =>
    neurofuzz(['fuzz', '-c', `corpora/${name}/campaign.yaml`, '-n', execs, '-s', '1', '--quiet', '-o', out]);
  // One fault: with gradients two are found.
  const search = ['--gradients', 'off'];
  await neurofuzz([...BUNDLED, ...search, '-n', '6000', '-s', '5', '--keep', '2', '-o', digits]);
  await neurofuzz(['minimize', findingFolders(digits)[0], '--tries', '9000']);
  await bundled('quantized-digits', pair, '4000');
  await bundled('char-lm', texts, '1500');
});

/** Writes a campaign's report and returns the page's text. */
async function reported(...args: string[]): Promise<string> {
  return reportedWith(/^$/, ...args);
}

/** The same, of a campaign of which something is said on standard error. */
async function reportedWith(said: RegExp, ...args: string[]): Promise<string> {
  const { code, stderr } = await neurofuzz(['report', ...args]);
  expect(stderr).toMatch(said);
  expect(code).toBe(0);
  return readFileSync(join(args[0], 'report.html'), 'utf8');
}

describe('the files', () => {
  test('the page lies in the campaign and refers to nothing outside itself', async () => {
    const html = await reported(digits);
    expect(html.match(/(?:src|href)="[^"]*"/g)?.every((link) => /="(?:data:|#)/.test(link))).toBe(true);
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/url\((?!#)|@import|https?:/);
  });

  test('JUnit, SARIF and Markdown lie where they are asked for and pass their schemas', async () => {
    const [junit, sarif, markdown] = ['j.xml', 's.sarif', 'deeper/m.md'].map((name) => join(folder, name));
    await reported(digits, '--junit', junit, '--sarif', sarif, '--markdown', markdown);
    expect(await junitFaults(readFileSync(junit, 'utf8'))).toEqual([]);
    expect(sarifFaults(readFileSync(sarif, 'utf8'))).toEqual([]);
    const [result] = JSON.parse(readFileSync(sarif, 'utf8')).runs[0].results;
    expect(result.locations[0].logicalLocations).toEqual([{ name: 'log', kind: 'function' }]);
    expect(readFileSync(markdown, 'utf8')).toMatch(/`nonfinite-inf-log`/);
  });

  test('several campaigns share a page; against a baseline faults are new, known and fixed', async () => {
    const baseline = join(folder, 'baseline.json');
    await neurofuzz(['triage', digits, '--update-baseline', baseline]);
    const page = join(folder, 'all.html');
    const { stdout } = await neurofuzzProcess([
      ...['report', digits, pair, '-o', page, '--against', baseline, '--json'],
    ]);
    const { campaigns } = JSON.parse(stdout);
    expect(campaigns[0].faults.every(({ state }: { state: string }) => state === 'known')).toBe(true);
    // Ties have no state.
    const states = campaigns[1].faults.flatMap(({ state }: { state?: string }) => state ?? []);
    expect([...new Set(states)]).toEqual(['new']);
    expect(campaigns[1].fixed).toHaveLength(campaigns[0].faults.length);
    expect(readFileSync(page, 'utf8')).toMatch(/\d+ new faults?, \d+ known, \d+ fixed/);
  });

  test('without its model the page is whole but for the graph, and says so; so does it of machines that round otherwise', async () => {
    const lone = join(folder, 'lone');
    cpSync(digits, lone, { recursive: true });
    const file = join(lone, 'campaign.yaml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(/^( *)(model|modelGiven): .*$/gm, '$1$2: gone.onnx'),
    );
    appendFileSync(join(lone, 'events.jsonl'), '{"v":1,"event":"resume","queue":true,"mixed":true}\n');
    const html = await reportedWith(
      /^neurofuzz: \S+campaign\.yaml is not as the campaign wrote it[^\n]*\n$/,
      lone,
    );
    expect(html).toContain('machines whose floating-point results may differ in the last digits took part');
    expect(await reported(digits)).not.toContain('took part (--mixed)');
    expect(html).toMatch(/The model(&#39;|')s graph cannot be shown/);
    expect(html).toContain('Where it happens');
  });

  test('what cannot be done is refused in a line', async () => {
    const none = await neurofuzz(['report', folder]);
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a campaign') });
    const place = await neurofuzz(['report', digits, '-o', join(digits, 'campaign.yaml', 'x.html')]);
    expect(place).toMatchObject({ code: 2, stderr: expect.stringMatching(/^neurofuzz: cannot write .*\n$/) });
    const against = await neurofuzz(['report', digits, '--against', 'package.json']);
    expect(against).toMatchObject({ code: 2, stderr: expect.stringContaining('is not a baseline') });
  });

  test('a damaged input leaves a gap and the rest', async () => {
    const hurt = join(folder, 'hurt');
    cpSync(pair, hurt, { recursive: true });
    for (const path of findingFolders(hurt)) writeFileSync(join(path, 'input.npz'), 'no archive');
    expect(await reportedWith(/input\.npz is damaged/, hurt)).toContain('Its input cannot be shown');
  });

  test('a hundred faults of noisy photographs take less than five megabytes', async () => {
    const many = join(folder, 'many');
    const photos = join(folder, 'photos');
    mkdirSync(photos);
    for (let i = 0; i < 4; i++) {
      const noise = Uint8Array.from(
        { length: 224 * 224 * 3 },
        (_, at) => (at * at * (i + 7) * 2_654_435_761) >>> 24,
      );
      await sharp(noise, { raw: { width: 224, height: 224, channels: 3 } })
        .png()
        .toFile(join(photos, `${i}.png`));
    }
    const { code, stderr } = await neurofuzz([
      ...[
        'fuzz',
        writePhotographOnnx(folder),
        '-i',
        photos,
        '--range',
        '0,255',
        '-O',
        'assert:brightest < 250',
      ],
      ...['-n', '400', '--keep', '100', '-s', '1', '--quiet', '-o', many],
    ]);
    expect([code, stderr]).toEqual([1, '']);
    const [signature] = findingFolders(many);
    const own = join(signature, '..');
    for (let i = 0; i < 120; i++) {
      const to = join(many, 'findings', `assert-${i}`, readJson(signature, 'finding.json').id);
      cpSync(signature, to, { recursive: true });
      const finding = { ...readJson(to, 'finding.json'), signature: `assert-${i}` };
      writeFinding(to, finding);
    }
    rmSync(own, { recursive: true });
    const html = await reportedWith(/assert-0.signature\.json is missing\n/, many);
    expect(html.length).toBeLessThan(5_000_000);
    expect(html.match(/<article/g)).toHaveLength(100);
    expect(html).toContain('20 more faults');
  });
});

(TESTS_PAGES ? describe : describe.skip)('the page in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await openBrowser();
    for (const campaign of [digits, pair, texts]) await reported(campaign);
  });

  afterAll(() => browser.close());

  const pageOf = (campaign: string): string => join(campaign, 'report.html');

  test.each(['digits', 'pair', 'texts'])(
    '%s opens from disk, asks for nothing and complains of nothing',
    async (name) => {
      const { page, requests, complaints } = await openPage(browser, pageOf(join(folder, name)));
      expect(requests).toEqual([]);
      expect(complaints).toEqual([]);
      expect(await page.locator('article').count()).toBeGreaterThan(0);
    },
  );

  test('pictures are there, charts have curves, the graph has the operation', async () => {
    const { page } = await openPage(browser, pageOf(digits));
    const sizes = await page
      .locator('img')
      .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth));
    expect(sizes.length).toBeGreaterThanOrEqual(3);
    expect(sizes.every((size) => size > 0)).toBe(true);
    const labels = await page.locator('article .pictures:not(.steps) figcaption').allTextContents();
    // Below the seed and the finding stands what the model predicts, by the names that it has for classes.
    expect(labels[0]).toMatch(/^seedclass \d \((?:> )?[\d.]+ %\)$/);
    expect(labels[1]).toMatch(/^findingclass \d \((?:> )?[\d.]+ %\)$/);
    expect(labels[2]).toMatch(/^difference/);
    expect(labels[3]).toMatch(/^pixels that matter/);
    const curves = await page
      .locator('.curve')
      .evaluateAll((all) => all.map((one) => one.getAttribute('d') ?? ''));
    expect(curves.length).toBeGreaterThanOrEqual(5);
    const place = page.locator('article section[aria-label^="operations around"]').first();
    expect(await place.locator('.box.origin').count()).toBe(1);
    expect(await place.textContent()).toContain('log');
  });

  test('the minimized finding comes first, with its own severity, the values that matter and the usual repair', async () => {
    const { page } = await openPage(browser, pageOf(digits));
    const text = (await page.locator('article').first().textContent()) ?? '';
    expect(text).toMatch(/minimized: \d+ values differ from the seed, by at most [\d.]+/);
    expect(text).toMatch(/values lie (?:outside|within) the range seen in the seeds/);
    expect(text).toMatch(/of \d+ values may have any legal value|depends on each of the/);
    expect(text).toContain('Usual repair: Compute LogSoftmax of the logits');
  });

  test('hits are those of the campaign, and settings come last', async () => {
    const { page } = await openPage(browser, pageOf(digits));
    const { hits } = readJson(digits, 'stats.json');
    const cells = await page.locator('tbody tr[data-signature] td[data-label=hits]').allTextContents();
    expect(cells.reduce((sum, cell) => sum + Number(cell.replaceAll(',', '')), 0)).toBe(hits);
    expect(await page.locator('main h2').last().textContent()).toBe('Settings');
    const ticks = await page.locator('figure:has-text("Hits") svg text').allTextContents();
    for (const tick of ticks.filter((tick) => /^[\d.]+$/.test(tick))) expect(tick).not.toContain('.');
  });

  test('faults of several campaigns are filtered and sorted; without a script all are there', async () => {
    const file = join(folder, 'several.html');
    await neurofuzz(['report', digits, pair, texts, '-o', file]);
    const { page, complaints } = await openPage(browser, file, { width: 390 });
    const select = (name: string) => page.locator(`select[data-filter=${name}]`);
    const shown = async (selector: string): Promise<string[]> =>
      page
        .locator(`${selector}[data-signature]:visible`)
        .evaluateAll((all) => all.map((fault) => (fault as HTMLElement).dataset.signature ?? ''));
    const all = await shown('tr');
    expect(await shown('article')).toHaveLength(all.length);
    await select('objective').selectOption('text');
    const ofText = all.filter((signature) => signature.startsWith('text-'));
    expect(ofText.length).toBeGreaterThan(0);
    expect(await shown('tr')).toEqual(ofText);
    expect(await shown('article')).toEqual(ofText);
    expect(await page.getByRole('status').textContent()).toBe(`${ofText.length} of ${all.length} faults`);
    expect(await page.locator('main > section[data-campaign]:visible').count()).toBe(1);
    await select('objective').selectOption('');
    await select('campaign').selectOption('digits.onnx');
    await select('state').selectOption('tie');
    expect((await shown('tr')).every((signature) => signature.includes('-tie-'))).toBe(true);
    for (const name of ['campaign', 'state']) await select(name).selectOption('');
    await page.getByLabel('Sort by').selectOption('signature');
    expect(await shown('tr')).toEqual([...all].sort());
    await page.getByLabel('Sort by').selectOption('');
    expect(await shown('tr')).toEqual(all);
    expect(complaints).toEqual([]);
    expect(await accessibilityFaults(page)).toEqual([]);
    const still = await browser.newPage({ javaScriptEnabled: false });
    await still.goto(page.url());
    expect(await still.locator('tr[data-signature]').count()).toBe(all.length);
    expect(await still.locator('select:visible').count()).toBe(0);
  });

  test('of two models the largest values of both are shown, and how far their layers differ', async () => {
    const { page } = await openPage(browser, pageOf(pair));
    const text = (await page.locator('article').first().textContent()) ?? '';
    expect(text).toContain('second model');
    expect(text).toContain('layer by layer');
  });

  test('the edits of a prompt are marked, and the answer to the seed stands beside that to the finding', async () => {
    const { page } = await openPage(browser, pageOf(texts));
    const headings = await page.locator('article').first().locator('h4').allTextContents();
    expect(headings.slice(0, 3)).toEqual(['Prompt, compared with the seed', 'Answer', 'Answer to the seed']);
    const prompt = page.locator('article').first().locator('pre').nth(1);
    expect(await prompt.locator('ins, del').count()).toBeGreaterThan(0);
    const { path } = JSON.parse((await neurofuzz(['triage', texts, '--json'])).stdout).faults[0];
    const kept = await prompt.evaluate((pre) => {
      for (const deleted of pre.querySelectorAll('del')) deleted.remove();
      return pre.textContent;
    });
    expect(kept).toBe(readFileSync(join(path, 'input.txt'), 'utf8'));
  });

  test('what breaks a rule is marked in its text', async () => {
    const { page } = await openPage(browser, pageOf(texts));
    const findings = findingFolders(texts).map((path) => readJson(path, 'finding.json').violation.details);
    const marked = await page.locator('mark').allTextContents();
    expect(marked.length).toBeGreaterThan(0);
    const all = findings.map(({ answer, from, to }) => answer.slice(from, to).replaceAll('\n', '\\n'));
    for (const one of marked) expect(all).toContain(one.replaceAll('\n', '\\n'));
  });

  test('the button copies the line that replays, and the line works', async () => {
    const { page } = await openPage(browser, pageOf(digits));
    await page.locator('button').first().click();
    expect(await page.locator('button').first().textContent()).toBe('copied');
    const line = await page.evaluate(() => navigator.clipboard.readText());
    expect(line).toBe(await page.locator('.replay pre').first().textContent());
    const words = line.split(' ');
    const { code, stdout } = await neurofuzz(words.slice(words.indexOf('replay')));
    expect(code).toBe(1);
    expect(stdout).toMatch(/still broken/);
  });

  test.each([
    ['light', 1000],
    ['dark', 1000],
    ['light', 390],
    ['dark', 390],
  ] as const)(
    '%s and %d wide, nothing serious keeps anyone out, and nothing lies beside the page',
    async (scheme, width) => {
      for (const campaign of width === 390 ? [digits, pair, texts] : [digits]) {
        const { page } = await openPage(browser, pageOf(campaign), { scheme, width });
        await page.locator('details').evaluateAll((all) => {
          for (const one of all) (one as HTMLDetailsElement).open = true;
        });
        expect(await accessibilityFaults(page)).toEqual([]);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide).toBeLessThanOrEqual(width);
      }
    },
  );

  test('dark is dark and light is light', async () => {
    const paper = async (scheme: 'light' | 'dark'): Promise<number> => {
      const { page } = await openPage(browser, pageOf(digits), { scheme });
      const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      return Number(/\d+/.exec(colour)?.[0]);
    };
    expect(await paper('light')).toBeGreaterThan(200);
    expect(await paper('dark')).toBeLessThan(60);
  });

  test('texts of strangers are text: no markup, no script, nothing that turns the line', async () => {
    const hostile = join(folder, 'hostile');
    cpSync(texts, hostile, { recursive: true });
    const evil =
      '</pre><script>document.title="hacked"</script><img src="https://x.test/a.png">\u202E\u001b[31m';
    for (const path of findingFolders(hostile)) {
      const finding = readJson(path, 'finding.json');
      const details = { ...finding.violation.details, prompt: evil, answer: evil, from: 3, to: 9 };
      const changed = {
        ...finding,
        summary: evil,
        mutators: [evil],
        violation: { ...finding.violation, details },
      };
      writeFinding(path, changed);
    }
    const [junit, sarif] = ['evil.xml', 'evil.sarif'].map((name) => join(folder, name));
    const html = await reported(hostile, '--title', evil, '--junit', junit, '--sarif', sarif);
    for (const what of ['\u202E', '\u001b']) expect(html).not.toContain(what);
    expect(await junitFaults(readFileSync(junit, 'utf8'))).toEqual([]);
    expect(sarifFaults(readFileSync(sarif, 'utf8'))).toEqual([]);
    const { page, requests, complaints } = await openPage(browser, pageOf(hostile));
    expect([requests, complaints]).toEqual([[], []]);
    expect(await page.title()).toContain('</pre><script>');
    expect(await page.locator('img[src^="http"], pre script').count()).toBe(0);
    expect(await page.locator('pre').allTextContents()).toContainEqual(expect.stringContaining('\\u{202E}'));
  });

  test('on paper everything is open', async () => {
    const { page } = await openPage(browser, pageOf(digits));
    const pdf = join(folder, 'page.pdf');
    await page.pdf({ path: pdf });
    expect(existsSync(pdf) && statSync(pdf).size).toBeGreaterThan(10_000);
    const open = await page
      .locator('details')
      .evaluateAll((all) => all.map((one) => (one as HTMLDetailsElement).open));
    expect(open.every(Boolean)).toBe(true);
  });
});
