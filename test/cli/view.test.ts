import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import type { ViewState } from '../../src/view/protocol.ts';
import { type RunningView, startView } from '../../src/view/server/start-view.ts';
import { accessibilityFaults, openBrowser, TESTS_PAGES } from '../support/browser.ts';
import { BUNDLED, findingFolders, readJson, writeFinding } from '../support/campaign.ts';
import { neurofuzz, start, until } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const [digits, hostile] = ['digits', 'hostile'].map((name) => join(folder, name));
const SIGNATURE = 'nonfinite-inf-log';
const MARKUP = '<img src=x onerror="document.title=1"> \u202E</script><script>document.title=2</script>';

/** A copy of the campaign whose names and texts are markup. */
function writeHostile(): void {
  cpSync(digits, hostile, { recursive: true });
  const [finding] = findingFolders(hostile);
  const evil = join(hostile, 'findings', `"><svg onload=document.title=3>`);
  mkdirSync(evil);
  const record = {
    ...readJson(finding, 'finding.json'),
    signature: basename(evil),
    summary: MARKUP,
    mutators: [MARKUP],
  };
  renameSync(finding, join(evil, basename(finding)));
  rmSync(join(finding, '..'), { recursive: true });
  writeFinding(join(evil, basename(finding)), { ...record, origin: { ...record.origin, operation: MARKUP } });
  writeFileSync(
    join(hostile, 'baseline.json'),
    JSON.stringify({
      ...{ kind: 'neurofuzz-baseline', formatVersion: 1, signatureVersion: record.signatureVersion },
      faults: [{ signature: MARKUP, objective: MARKUP, summary: MARKUP, firstSeen: null, note: MARKUP }],
    }),
  );
}

const serve = (folders: readonly string[], isReadOnly = false): Promise<RunningView> =>
  startView({
    folders,
    port: 0,
    isReadOnly,
    jobFlags: [],
    replayLine: (path) => `neurofuzz replay ${path}`,
    onError: (error) => {
      throw error;
    },
  });

let view: RunningView;

beforeAll(async () => {
  // One fault: with gradients two are found.
  await neurofuzz([...BUNDLED, '-n', '4000', '-s', '5', '--gradients', 'off', '-o', digits]);
  writeHostile();
  view = await serve([digits, hostile]);
});

afterAll(() => view.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** A request as a program sends it, with any headers. */
function ask(
  address: string,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((done, failed) => {
    const sent = request(new URL(path, address), { method, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      done({ status: response.statusCode ?? 0, headers: response.headers, text });
    });
    sent.on('error', failed).end(body);
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

const post = (address: string, path: string, body: unknown, headers = JSON_TYPE): Promise<Answer> =>
  ask(address, path, { method: 'POST', headers, body: JSON.stringify(body) });

async function stateOf(address: string): Promise<ViewState> {
  return JSON.parse((await ask(address, 'api/state')).text);
}

/** A fault as the page fetches it: first without running the model. */
async function faultOf(address: string, key: string, signature: string, query = '') {
  const path = `api/fault?${new URLSearchParams({ campaign: key, signature })}${query}`;
  const answer = await ask(address, path);
  expect(answer.status).toBe(200);
  return JSON.parse(answer.text);
}

describe('predictions', () => {
  test('come by a request of their own, and are kept', async () => {
    const shown = await serve([digits]);
    const [{ key }] = (await stateOf(shown.address)).campaigns;
    const files = await faultOf(shown.address, key, SIGNATURE);
    expect([files.isModelPending, files.view.predictions, files.view.pictures.length]).toEqual([true, [], 3]);
    const answered = await faultOf(shown.address, key, SIGNATURE, '&model=run');
    expect(answered.view.predictions).toEqual([
      { of: 'seed', text: expect.stringMatching(/^class \d \(/) },
      { of: 'finding', text: expect.stringMatching(/^class \d \(/) },
    ]);
    expect(await faultOf(shown.address, key, SIGNATURE)).toEqual(answered);
    expect(answered.isModelPending).toBe(false);
    await shown.close();
  });

  test('are missing where the model cannot be loaded; everything else is shown, and it is tried again', async () => {
    const moved = join(folder, 'moved');
    cpSync(digits, moved, { recursive: true });
    const model = join(folder, 'moved.onnx');
    const settings = readFileSync(join(moved, 'campaign.yaml'), 'utf8');
    writeFileSync(
      join(moved, 'campaign.yaml'),
      settings.replaceAll(/\S*nan-digits\.onnx/g, relative(moved, model)),
    );
    const shown = await serve([moved]);
    const [{ key }] = (await stateOf(shown.address)).campaigns;
    const { view: files, isModelPending } = await faultOf(shown.address, key, SIGNATURE, '&model=run');
    expect([files.predictions, files.pictures.length, isModelPending]).toEqual([[], 3, false]);
    expect(files.gaps.join()).toMatch(/moved\.onnx/);
    cpSync('corpora/nan-digits/nan-digits.onnx', model);
    expect((await faultOf(shown.address, key, SIGNATURE, '&model=run')).view.predictions).toHaveLength(2);
    await shown.close();
  });
});

describe('the server', () => {
  test('answers nothing without the whole address, or by the name of another host', async () => {
    const { address } = view;
    expect((await ask(address, '/')).status).toBe(404);
    expect((await ask(address, '/api/state')).status).toBe(404);
    expect((await ask(address, '', { headers: { host: 'evil.example' } })).status).toBe(421);
    expect((await ask(address, 'api/state', { headers: { origin: 'http://evil.example' } })).status).toBe(
      403,
    );
    expect(new URL(address).hostname).toBe('127.0.0.1');
    expect((await ask(address, 'api/events', { method: 'HEAD' })).status).toBe(200);
  });

  test('lets the page load nothing from elsewhere, and no other page read it', async () => {
    const { headers, status } = await ask(view.address, '');
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; /);
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers).not.toHaveProperty('access-control-allow-origin');
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' });
  });

  test.each<[string, string, unknown, Record<string, string>, number]>([
    ['a type that forms have', 'api/jobs', {}, { 'content-type': 'text/plain' }, 400],
    ['another form', 'api/jobs', { kind: 'rm' }, JSON_TYPE, 400],
    ['more bytes than it may have', 'api/decisions', 'x'.repeat(70_000), JSON_TYPE, 400],
    ['another path', 'api/shell', {}, JSON_TYPE, 404],
  ])('refuses a request with %s', async (_, path, body, headers, status) => {
    expect((await post(view.address, path, body, headers as typeof JSON_TYPE)).status).toBe(status);
  });

  test('runs commands for findings that it knows alone', async () => {
    const [{ key }] = (await stateOf(view.address)).campaigns;
    for (const finding of ['../../../etc', '0123456789abcdef', '']) {
      const job = { kind: 'replay', campaign: key, signature: SIGNATURE, finding };
      expect((await post(view.address, 'api/jobs', job)).status).toBe(404);
    }
    expect((await stateOf(view.address)).jobs).toEqual([]);
  });

  test('changes nothing where it was started with --read-only', async () => {
    const readOnly = await serve([digits], true);
    const [{ key }] = (await stateOf(readOnly.address)).campaigns;
    const decision = { campaign: key, signature: SIGNATURE, state: 'ignored', note: '' };
    const answer = await post(readOnly.address, 'api/decisions', decision);
    await readOnly.close();
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining('--read-only')]);
    expect(existsSync(join(digits, 'baseline.json'))).toBe(false);
  });

  test('names a port that is in use, and one that is none', async () => {
    const { port } = new URL(view.address);
    expect(await neurofuzz(['view', digits, '--port', port])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^neurofuzz: --port: \d+ is in use by another program: [^\n]*\n$/),
    });
    expect(await neurofuzz(['view', digits, '--port', '70000'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--port must be a whole number from 0 to 65535'),
    });
  });
});

test('the command prints the address alone, and ends with 0 when it is asked to, a command of the page included', async () => {
  const running = start(['view', digits, '--no-open']);
  let printed = '';
  running.child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await until('the address', () => printed.endsWith('\n'), running);
  expect(printed).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}\/\n$/);
  const address = printed.trim();
  const [{ key, faults }] = (await stateOf(address)).campaigns;
  const finding = basename(faults[0].path);
  await post(address, 'api/jobs', { kind: 'minimize', campaign: key, signature: SIGNATURE, finding });
  await until('the command', async () => (await stateOf(address)).jobs[0].status === 'running', running);
  running.child.kill('SIGTERM');
  expect(await running.ended).toEqual({ code: 0, stdout: printed, stderr: '' });
});

(TESTS_PAGES ? describe : describe.skip)('the page in Chromium', () => {
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
  });

  afterAll(() => browser.close());

  async function open(hash = '', width = 1280, scheme: 'light' | 'dark' = 'light'): Promise<Page> {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme });
    const page = await context.newPage();
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (sent) => {
      if (!sent.url().startsWith(view.address) && !sent.url().startsWith('data:'))
        complaints.push(sent.url());
    });
    await page.goto(view.address + hash);
    await page.locator('.fault-item').first().waitFor();
    return page;
  }

  async function openFault(width?: number, scheme?: 'light' | 'dark'): Promise<Page> {
    const page = await open('', width, scheme);
    await page.locator('.fault-item a', { hasText: SIGNATURE }).click();
    await page.locator('article').waitFor();
    return page;
  }

  afterAll(() => expect(complaints).toEqual([]));

  test('lists faults, filters them, and shows nothing of a stranger as markup', async () => {
    const page = await open();
    const items = page.locator('.fault-item');
    expect(await items.count()).toBe(2);
    await page.getByLabel('Search').fill('onerror');
    expect(await items.count()).toBe(1);
    expect(await page.getByText('1 of 2 shown').count()).toBe(1);
    expect(await items.innerText()).toContain('<img src=x onerror="document.title=1"> \\u{202E}</script>');
    await items.locator('a').click();
    await page.locator('article').waitFor();
    expect(await page.locator('article').innerText()).toContain('onerror');
    await page.locator('.cards a', { hasText: 'hostile' }).first().click();
    await page.getByText('In the baseline and not found').waitFor();
    expect(await page.title()).toMatch(/^neurofuzz/);
    expect(await page.locator('img[src=x], svg[onload]').count()).toBe(0);
    await page.context().close();
  });

  test('shows below the pictures what the model predicts', async () => {
    const page = await openFault();
    await page.locator('article .prediction').nth(1).waitFor();
    const captions = await page.locator('article figcaption').allInnerTexts();
    expect(captions[0]).toMatch(/^seed\s*class \d \((?:> )?[\d.]+ %\)$/);
    expect(captions[1]).toMatch(/^finding\s*class \d \((?:> )?[\d.]+ %\)$/);
    await page.context().close();
  });

  test('has a graph that can be searched, zoomed and panned, with keys too', async () => {
    const page = await openFault();
    await page.locator('summary', { hasText: 'The whole model' }).click();
    const graph = page.locator('.explorer').last();
    await graph.locator('svg').waitFor();
    expect(await graph.locator('.box.origin').count()).toBe(1);
    expect(await graph.locator('.box.path').count()).toBeGreaterThan(0);
    await graph.getByRole('searchbox').fill('Gemm');
    const matches = await graph.locator('.box.match').count();
    expect(matches).toBeGreaterThan(0);
    expect(await graph.getByRole('status').innerText()).toBe(`1 of ${matches}`);
    const transform = () => graph.locator('.drawing').evaluate((drawing) => drawing.style.transform);
    const [searched] = [await transform()];
    await graph.getByLabel('zoom in').click();
    const zoomed = await transform();
    await graph.locator('.frame').focus();
    await page.keyboard.press('ArrowLeft');
    const panned = await transform();
    const frame = await graph.locator('.frame').boundingBox();
    if (frame === null) throw new Error('the graph is not shown');
    await page.mouse.move(frame.x + 200, frame.y + 100);
    await page.mouse.down();
    await page.mouse.move(frame.x + 260, frame.y + 140);
    await page.mouse.up();
    expect(new Set([searched, zoomed, panned, await transform()]).size).toBe(4);
    await page.context().close();
  });

  test('replays a finding, cancels a command, and follows what other processes do', async () => {
    const page = await openFault();
    await page.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText(/still broken +10\/10/).waitFor();
    await page.getByText(/^Replay of \w+ is done$/).waitFor();
    await page.getByRole('button', { name: 'Minimize', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText(/^Minimize of \w+ was cancelled$/).waitFor();
    const rows = page.getByLabel('findings of this fault').locator('tbody tr');
    expect(await rows.count()).toBe(1);
    await neurofuzz(['minimize', '--all', digits, '--tries', '300']);
    await rows.nth(1).waitFor();
    for (const row of await rows.all()) await row.getByRole('checkbox').check();
    await page.getByRole('link', { name: 'Compare' }).click();
    const table = page.locator('table.compared');
    await table.waitFor();
    const differing = await table.locator('tr.differs th').allInnerTexts();
    expect(differing.join()).toContain('difference from the seed');
    expect(await table.locator('tbody tr', { hasText: 'what happens' }).getAttribute('class')).toBe('');
    expect(await table.locator('img').count()).toBe(6);
    await page.context().close();
  });

  test('leaves its connection to other tabs while it is hidden', async () => {
    const first = await open();
    const hide = (page: Page) =>
      page.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true }); document.dispatchEvent(new Event('visibilitychange'))",
      );
    await hide(first);
    // A browser opens six connections to a server.
    for (let tab = 2; tab <= 8; tab++) {
      const page = await first.context().newPage();
      await page.goto(view.address);
      await page.locator('.fault-item').first().waitFor();
      await hide(page);
    }
    await first.context().close();
  });

  test('writes a state and a note to the baseline, which triage and report take', async () => {
    const page = await openFault();
    const form = page.getByRole('form', { name: 'state and note' });
    await form.getByLabel('State').selectOption('ignored');
    await form.getByLabel('Note').fill(`only with blank digits ${MARKUP}`);
    await form.getByRole('button', { name: 'Save' }).click();
    await page.locator('article .badge.ignored').waitFor();
    await form.getByText('Saved in').waitFor();
    const baseline = join(digits, 'baseline.json');
    expect(readJson(baseline).faults).toEqual([
      expect.objectContaining({
        signature: SIGNATURE,
        state: 'ignored',
        note: `only with blank digits ${MARKUP}`,
      }),
    ]);
    for (const against of [['--against', baseline], []]) {
      const triaged = await neurofuzz(['triage', digits, ...against, '--json']);
      expect([triaged.code, JSON.parse(triaged.stdout).faults[0].state]).toEqual([0, 'ignored']);
    }
    // A decision about one campaign says nothing of others.
    const again = join(folder, 'again');
    cpSync(digits, again, { recursive: true });
    rmSync(join(again, 'baseline.json'));
    const others = await neurofuzz(['triage', digits, again, '--json']);
    expect([others.code, 'state' in JSON.parse(others.stdout).faults[0]]).toEqual([1, false]);
    const reported = await neurofuzz(['report', digits, '-o', join(folder, 'noted.html'), '--json']);
    expect(JSON.parse(reported.stdout).campaigns[0].faults[0].state).toBe('ignored');
    // A note that is being written stays, whatever is decided elsewhere meanwhile.
    await form.getByLabel('Note').fill('a draft');
    const [{ key }] = (await stateOf(view.address)).campaigns;
    const decision = { campaign: key, signature: SIGNATURE, state: 'known', note: 'from another page' };
    expect((await post(view.address, 'api/decisions', decision)).status).toBe(200);
    await page.locator('article .badge.known').waitFor();
    expect(await form.getByLabel('Note').inputValue()).toBe('a draft');
    await form.getByLabel('State').selectOption('new');
    await form.getByRole('button', { name: 'Save' }).click();
    await page.locator('article .badge.new').waitFor();
    expect(JSON.parse(readFileSync(baseline, 'utf8')).faults).toEqual([]);
    expect((await neurofuzz(['triage', digits, '--against', baseline])).code).toBe(1);
    await page.context().close();
  });

  test.each([
    ['light', 1280],
    ['dark', 390],
  ] as const)('is accessible and fits, %s at %d pixels', async (scheme, width) => {
    const page = await openFault(width, scheme);
    const isWide = () => page.evaluate('document.documentElement.scrollWidth > innerWidth');
    expect([await accessibilityFaults(page), await isWide()]).toEqual([[], false]);
    await page.goto(`${view.address}#/`);
    await page.locator('.fault-item').first().waitFor();
    expect([width === 390 ? await accessibilityFaults(page) : [], await isWide()]).toEqual([[], false]);
    await page.locator('.cards a').first().click();
    await page.locator('.charts').waitFor();
    expect([await accessibilityFaults(page), await isWide()]).toEqual([[], false]);
    await page.context().close();
  });
});
