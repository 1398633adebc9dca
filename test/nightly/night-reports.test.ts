import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { nightLines } from '../../src/cli/output/night-summary.ts';
import { nightTitle } from '../../src/nightly/night-title.ts';
import type { NightResult } from '../../src/nightly/nightly.ts';
import { pageHtml } from '../../src/report/html/page.tsx';
import { junitXml } from '../../src/report/junit.ts';
import { markdownText } from '../../src/report/markdown.ts';
import { checksOf } from '../../src/report/objective-results.ts';
import { sarifText } from '../../src/report/sarif.ts';
import type { Finding } from '../../src/storage/finding.ts';
import { accessibilityFaults, openBrowser, openPage, TESTS_PAGES } from '../support/browser.ts';
import { testFolder } from '../support/folder.ts';
import { campaignView, largeNight } from '../support/night.ts';
import { junitFaults, sarifFaults } from '../support/schemas.ts';

test.each([
  ['2026-11-29', '29 November 2026'],
  ['2026-01-01-2', '1 January 2026, second run'],
  ['2026-11-29-3', '29 November 2026, third run'],
  ['2026-12-31-10', '31 December 2026, tenth run'],
  ['2026-12-31-11', '31 December 2026, run 11'],
  ['elsewhere', 'elsewhere'],
])('the night %s is called %s', (name, title) => expect(nightTitle(name)).toBe(title));

describe('a night of 20 campaigns with 50 known faults and a new one', () => {
  const { campaigns, failures, added } = largeNight();
  const title = `neurofuzz nightly, ${nightTitle('2026-11-29-3')}`;
  const counts = '1 new fault, 1 campaign could not run, 50 known, 2 fixed';

  /** Whether texts stand in this order. */
  const expectOrder = (text: string, ...parts: readonly string[]): void => {
    const places = parts.map((part) => text.indexOf(part));
    expect([parts, places]).toEqual([parts, [...places].sort((a, b) => a - b)]);
    expect([parts, places.includes(-1)]).toEqual([parts, false]);
  };

  test('in a terminal the new fault stands at the top, and is named again at the end', () => {
    const result = {
      title,
      campaigns,
      failures,
      files: { html: 'nights/report.html' },
    } as unknown as NightResult;
    const lines = nightLines(result);
    expect(lines.slice(0, 6)).toEqual([
      `${title}: ${counts}`,
      '',
      `NEW  speech-17 nonfinite-nan-div: ${added.summary}`,
      '  3 hits, reproduced 10/10',
      `  Smallest input: 19 values differ from the seed, by at most 1.97 (minimized): ${added.input}`,
      `  replay: ${added.replay}`,
    ]);
    expectOrder(
      lines.join('\n'),
      'NEW  ',
      'could not run (1):',
      'known (50):',
      'fixed (2):',
      'speech-1: 2,958,016',
    );
    expect(lines).toContain('speech-17: 2,958,016 mutants tonight (6,301,312 total)');
    expect(lines.slice(-2)).toEqual([
      '1 new fault: speech-17 nonfinite-nan-div',
      'report: nights/report.html',
    ]);
    expect(lines.length).toBeLessThan(60);
  });

  test('in Markdown it is the first section', () => {
    const text = markdownText(title, campaigns, [], failures);
    expect(text.split('\n').slice(0, 5)).toEqual([
      `## ${title}: ${counts}`,
      '',
      '### New: speech-17: `nonfinite-nan-div`',
      '',
      `${added.summary} (3 hits)`,
    ]);
    expectOrder(
      text,
      added.replay,
      '### Could not run',
      '### Known: 50 faults',
      '### Fixed: 2 faults',
      '### Campaigns',
    );
    expect(text).toContain('| speech-17 | 2,958,016 | 6,301,312 | 1440 s |');
  });

  test('in JUnit it is the only failure and the first test case', async () => {
    const results = campaigns.map((campaign) => ({ ...campaign, objectives: ['nonfinite', 'assert'] }));
    const xml = junitXml(title, checksOf(results, failures));
    expect(await junitFaults(xml)).toEqual([]);
    expect(xml.match(/<failure/g)).toHaveLength(1);
    expect(xml).toMatch(/failures="1" errors="1"/);
    expect(/<testcase [^>]*>/.exec(xml)?.[0]).toContain(
      'classname="speech-17.faults" name="nonfinite-nan-div"',
    );
    expectOrder(xml, '<failure', added.replay, '<error', 'known: ');
  });

  test('in SARIF it is the first result, with its input and its replay command', () => {
    const finding = {} as Finding;
    const sarif = sarifText(
      campaigns.map(({ name, faults, fixed }) => ({
        name,
        model: `${name}.onnx`,
        faults: faults.map((fault) => ({ fault, finding })),
        fixed,
      })),
      failures,
    );
    expect(sarifFaults(sarif)).toEqual([]);
    const [{ results, invocations }] = JSON.parse(sarif).runs;
    expect(results[0]).toMatchObject({
      baselineState: 'new',
      properties: { replay: added.replay, input: added.input, finding: added.path },
    });
    expect(results[0].message.text.split('\n')).toEqual([
      `${added.summary} (speech-17)`,
      expect.stringContaining(added.input),
      `Replay: ${added.replay}`,
    ]);
    const states: string[] = results.map(
      (result: { readonly baselineState: string }) => result.baselineState,
    );
    expect(states).toEqual(['new', ...Array(50).fill('unchanged'), 'absent', 'absent']);
    expect(invocations[0].toolExecutionNotifications[0].message.text).toContain('gone could not run');
  });

  (TESTS_PAGES ? describe : describe.skip)('in HTML', () => {
    const file = join(testFolder(), 'report.html');
    let browser: Browser;

    beforeAll(async () => {
      const views = campaigns.map(campaignView);
      writeFileSync(file, pageHtml({ title, campaigns: views, reported: campaigns, failures, notes: [] }));
      browser = await openBrowser();
    });

    afterAll(() => browser.close());

    test.each([1280, 390])(
      '%d pixels wide it is on the first screen, and nothing lies beside the page',
      async (width) => {
        const { page, complaints } = await openPage(browser, file, { width });
        expect(complaints).toEqual([]);
        for (const text of [added.signature, added.summary, added.replay]) {
          const box = await page.getByText(text, { exact: true }).first().boundingBox();
          expect([text, box !== null && box.y + box.height < 844]).toEqual([text, true]);
        }
        const headings = await page.locator('header h2').allTextContents();
        expect(headings).toEqual(['1 new fault', 'Could not run', 'All faults', 'Campaigns']);
        const states = await page.locator('header table').first().locator('.badge').allTextContents();
        expect(states).toEqual(['new', ...Array(50).fill('known'), 'fixed', 'fixed']);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        expect(await accessibilityFaults(page)).toEqual([]);
        await page.locator('header h3 a').first().click();
        expect(await page.locator('article:target h3').textContent()).toBe(added.signature);
      },
    );
  });
});
