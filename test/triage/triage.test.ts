import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { REPAIRS } from '../../src/analysis/numerical-sites/repairs.ts';
import { UserError } from '../../src/core/errors.ts';
import { SIGNATURE_VERSION } from '../../src/objectives/objective.ts';
import { loadBaseline, writeBaseline } from '../../src/triage/baseline.ts';
import { isCounted, isReproducible, statusOf, triage } from '../../src/triage/triage.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

interface Planted {
  readonly signature: string;
  readonly id: string;
  readonly objective?: string;
  readonly status?: string;
  readonly linf?: number;
  readonly l0?: number;
  readonly edits?: number;
  readonly signatureVersion?: number;
  readonly gap?: { readonly reference: number; readonly copy: number };
  /** Id of the finding that it was minimized from. */
  readonly from?: string;
  /** Name and type of the operation in which it begins. */
  readonly operation?: readonly [name: string, op: string];
}

let campaigns = 0;

/** A campaign's folder with findings as `fuzz` leaves them. */
function campaignOf(planted: readonly Planted[], hits: Readonly<Record<string, number>> = {}): string {
  const path = join(folder, `campaign-${campaigns++}`);
  mkdirSync(path);
  writeFileSync(join(path, 'campaign.yaml'), 'formatVersion: 1\n');
  for (const one of planted) {
    const {
      signature,
      id,
      objective = 'nonfinite',
      status = 'confirmed',
      linf = 1,
      l0 = 1,
      edits,
      gap,
    } = one;
    const { signatureVersion = SIGNATURE_VERSION, from, operation } = one;
    const origin = operation && { operation: operation[0], kind: operation[1] };
    const own = join(path, 'findings', status === 'flaky' ? 'unrepeatable' : '', signature, id);
    mkdirSync(own, { recursive: true });
    const finding = {
      formatVersion: 1,
      id,
      signature,
      signatureVersion,
      objective,
      summary: `${signature} of ${id}`,
      violation: { tensors: [], details: { ...(gap && { gap }), ...(origin && { origin }) } },
      model: { path: 'm.onnx', sha256: '0', runtime: 'onnx' },
      distance: { linf, l2: linf, l0, ...(edits === undefined ? {} : { edits }) },
      reproduced: status === 'flaky' ? '3/10' : '10/10',
      status,
      ...(from === undefined ? {} : { minimized: { from, goal: 'values' } }),
    };
    writeFileSync(join(own, 'finding.json'), JSON.stringify(finding));
  }
  for (const [signature, count] of Object.entries(hits))
    writeFileSync(
      join(path, 'findings', signature, 'signature.json'),
      JSON.stringify({ formatVersion: 1, signature, hits: count }),
    );
  return path;
}

const event = (campaign: string, signature: string, time: string): void =>
  writeFileSync(
    join(campaign, 'events.jsonl'),
    `${JSON.stringify({ v: 1, time, event: 'signature', signature })}\n{"torn": `,
    { flag: 'a' },
  );

describe('faults', () => {
  test('are one a signature over all campaigns, with the nearest finding, all hits and the first time', async () => {
    const a = campaignOf(
      [
        { signature: 'nonfinite-nan-log', id: 'a1', linf: 0.5 },
        { signature: 'nonfinite-nan-log', id: 'a2', linf: 0.1 },
        { signature: 'nonfinite-nan-log', id: 'a0', linf: 0.01, status: 'flaky' },
      ],
      { 'nonfinite-nan-log': 700 },
    );
    const b = campaignOf([{ signature: 'nonfinite-nan-log', id: 'b1', linf: 0.3 }], {
      'nonfinite-nan-log': 5,
    });
    event(a, 'nonfinite-nan-log', '2026-11-02T00:00:00.000Z');
    event(b, 'nonfinite-nan-log', '2026-11-01T00:00:00.000Z');
    const { faults, fixed } = await triage([a, b]);
    expect(fixed).toEqual([]);
    expect(faults).toEqual([
      {
        signature: 'nonfinite-nan-log',
        objective: 'nonfinite',
        summary: 'nonfinite-nan-log of a2',
        firstSeen: '2026-11-01T00:00:00.000Z',
        campaigns: [a, b],
        hits: 705,
        findings: 4,
        flaky: 1,
        batchDependent: 0,
        minimized: 0,
        reproduced: '10/10',
        distance: { linf: 0.1, l2: 0.1, l0: 1 },
        broken: null,
        path: join(a, 'findings', 'nonfinite-nan-log', 'a2'),
      },
    ]);
  });

  test('are represented by the finding that differs in the fewest values, such as one that minimize made', async () => {
    const signature = 'nonfinite-nan-log';
    const campaign = campaignOf([
      { signature, id: 'found', linf: 0.1, l0: 500 },
      { signature, id: 'small', linf: 0.7, l0: 2, from: 'found' },
      { signature, id: 'fewer', linf: 0.6, l0: 2, from: 'found' },
    ]);
    const { faults } = await triage([campaign]);
    expect(faults).toMatchObject([{ distance: { linf: 0.6, l0: 2 } }]);
    expect(faults[0].path).toMatch(/fewer$/);
  });

  test('count each hit once: a minimized finding is a hit of its original', async () => {
    const signature = 'nonfinite-nan-log';
    const found = ['1', '2', '3'].map((id) => ({ signature, id }));
    const smaller = ['1', '2'].map((from) => ({ signature, id: `small-${from}`, linf: 0.1, from }));
    const { faults } = await triage([campaignOf([...found, ...smaller], { [signature]: 3 })]);
    expect(faults).toMatchObject([{ hits: 3, findings: 5, minimized: 2, distance: { linf: 0.1 } }]);
    // Findings whose originals are gone are hits as well.
    const left = await triage([campaignOf(smaller)]);
    expect(left.faults).toMatchObject([{ hits: 2, findings: 2, minimized: 2 }]);
  });

  test('name the usual repair of their operation, by the kind that the campaign recorded, else by its type', async () => {
    const [log, div, crash] = [
      { signature: 'nonfinite-inf-log', id: '1', operation: ['log', 'Log'] as const },
      { signature: 'nonfinite-nan-div', id: '2', operation: ['div', 'Div'] as const },
      { signature: 'crash-gather', id: '3', objective: 'crash', operation: ['gather', 'Gather'] as const },
    ];
    const campaign = campaignOf([log, div, crash]);
    writeFileSync(
      join(campaign, 'stats.json'),
      JSON.stringify({ sites: [{ site: 'log', kind: 'log-softmax' }, { site: 'exp', kind: 'exp' }, null] }),
    );
    const { faults } = await triage([campaign]);
    const repairs = Object.fromEntries(faults.map(({ signature, repair }) => [signature, repair]));
    expect(repairs).toEqual({
      'nonfinite-inf-log': REPAIRS['log-softmax'],
      'nonfinite-nan-div': REPAIRS.div,
      'crash-gather': undefined,
    });
    const { stdout } = await neurofuzz(['triage', campaign]);
    expect(stdout).toMatch(/Usual repairs\n {2}nonfinite-inf-log {2}Compute LogSoftmax of the logits/);
  });

  test('are told by a finding that shows alone, and are batch-dependent where there is none', async () => {
    const status = 'batch-dependent';
    const campaign = campaignOf([
      { signature: 'assert-a', id: 'a1', linf: 0.1, status },
      { signature: 'assert-a', id: 'a2', linf: 0.5 },
      { signature: 'assert-b', id: 'b1', status },
      { signature: 'assert-b', id: 'b2', status: 'flaky' },
    ]);
    const { faults } = await triage([campaign]);
    const byName = new Map(faults.map((fault) => [fault.signature, fault]));
    const [a, b] = ['assert-a', 'assert-b'].map((name) => byName.get(name) as (typeof faults)[number]);
    expect(a).toMatchObject({ summary: 'assert-a of a2', findings: 2, batchDependent: 1 });
    expect(b).toMatchObject({ summary: 'assert-b of b1', findings: 2, batchDependent: 1, flaky: 1 });
    expect([a, b].map(statusOf)).toEqual(['confirmed', 'batch-dependent']);
    expect([a, b].map(isReproducible)).toEqual([true, true]);
  });

  test('come worst first: new, sound, what ends the process, what is hit most, what no output shows last', async () => {
    const now = campaignOf(
      [
        { signature: 'absorbed-inf-exp', id: '0' },
        { signature: 'text-words-x', id: '1', objective: 'text' },
        { signature: 'nonfinite-inf-exp', id: '2' },
        { signature: 'crash-div', id: '3', objective: 'crash' },
        { signature: 'nonfinite-nan-log', id: '4' },
        { signature: 'nonfinite-nan-flaky', id: '5', status: 'flaky' },
      ],
      { 'nonfinite-inf-exp': 3, 'nonfinite-nan-log': 90, 'absorbed-inf-exp': 99 },
    );
    const order = async (against?: string) =>
      (await triage([now], { against })).faults.map(({ signature }) => signature);
    const worst = [
      'crash-div',
      'nonfinite-nan-log',
      'nonfinite-inf-exp',
      'text-words-x',
      'absorbed-inf-exp',
      'nonfinite-nan-flaky',
    ];
    expect(await order()).toEqual(worst);
    const known = campaignOf([{ signature: 'crash-div', id: '3', objective: 'crash' }]);
    expect(await order(known)).toEqual([...worst.slice(1), 'crash-div']);
  });

  test('about the class rank by the smaller gap of the two models, as do their findings', async () => {
    const objective = 'quantization';
    const now = campaignOf(
      [
        {
          signature: 'quantization-class-a',
          id: '1',
          objective,
          linf: 0.1,
          gap: { reference: 9, copy: 0.2 },
        },
        { signature: 'quantization-class-a', id: '2', objective, linf: 0.5, gap: { reference: 1, copy: 2 } },
        { signature: 'quantization-class-b', id: '3', objective, gap: { reference: 3, copy: 4 } },
        { signature: 'quantization-nan-a', id: '4', objective },
      ],
      { 'quantization-class-a': 900 },
    );
    const { faults } = await triage([now]);
    expect(faults.map(({ signature, gap }) => [signature, gap])).toEqual([
      ['quantization-nan-a', undefined],
      ['quantization-class-b', { reference: 3, copy: 4 }],
      ['quantization-class-a', { reference: 1, copy: 2 }],
    ]);
    expect(faults[2].path).toMatch(/2$/);
  });

  test('that are ties come last, are none, and are in no baseline', async () => {
    const tie = {
      signature: 'quantization-tie-y',
      objective: 'quantization',
      gap: { reference: 0, copy: 1 },
    };
    const now = campaignOf([
      { ...tie, id: '1' },
      { signature: 'absorbed-inf-exp', id: '2', status: 'flaky' },
    ]);
    const { faults } = await triage([now]);
    expect(faults.map(({ signature }) => signature)).toEqual(['absorbed-inf-exp', 'quantization-tie-y']);
    expect([faults.some(isCounted), isReproducible(faults[1])]).toEqual([false, true]);
    const baseline = join(folder, 'ties.json');
    await writeBaseline(baseline, faults);
    expect((await loadBaseline(baseline)).faults.map(({ signature }) => signature)).toEqual([
      'absorbed-inf-exp',
    ]);
    expect((await loadBaseline(now)).faults).toEqual([]);
    const { code, stdout } = await neurofuzz(['triage', now]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/tie +quantization-tie-y .* gap 0 and 1 /);
  });

  test('of tokens lie as near as their edits', async () => {
    const now = campaignOf([
      { signature: 'text-json', id: '1', objective: 'text', linf: 0, edits: 9 },
      { signature: 'text-json', id: '2', objective: 'text', linf: 0, edits: 2 },
    ]);
    expect((await triage([now])).faults[0].path).toMatch(/2$/);
  });
});

describe('against what was known', () => {
  const before = campaignOf([
    { signature: 'nonfinite-nan-log', id: '1' },
    { signature: 'nonfinite-nan-sqrt', id: '2' },
    { signature: 'nonfinite-nan-maybe', id: '3', status: 'flaky' },
  ]);
  event(before, 'nonfinite-nan-log', '2026-10-01T00:00:00.000Z');
  const now = campaignOf([
    { signature: 'nonfinite-nan-log', id: '4' },
    { signature: 'nonfinite-inf-exp', id: '5' },
    { signature: 'nonfinite-nan-sqrt', id: '6', status: 'flaky' },
  ]);

  test('faults are new, known or fixed, whether that is a campaign or a baseline', async () => {
    const baseline = join(folder, 'baseline.json');
    await writeBaseline(baseline, (await triage([before])).faults.filter(isReproducible));
    for (const against of [before, baseline]) {
      const { faults, fixed } = await triage([now], { against });
      expect(faults.map(({ signature, state, firstSeen }) => [signature, state, firstSeen])).toEqual([
        ['nonfinite-inf-exp', 'new', null],
        ['nonfinite-nan-log', 'known', '2026-10-01T00:00:00.000Z'],
        ['nonfinite-nan-sqrt', 'known', null],
      ]);
      // What comes up now and then is not there any more, and is no new fault either.
      expect(fixed.map(({ signature }) => signature)).toEqual(['nonfinite-nan-sqrt']);
    }
    expect((await loadBaseline(baseline)).faults).toHaveLength(2);
  });

  test('campaigns whose signatures another version gave are named', async () => {
    const old = campaignOf([
      { signature: 'nonfinite-nan-log', id: '7', signatureVersion: SIGNATURE_VERSION - 1 },
    ]);
    expect((await triage([now], { against: before })).otherSignatures).toEqual([]);
    expect((await triage([now], { against: old })).otherSignatures).toEqual([old]);
    expect((await triage([now, old], { against: before })).otherSignatures).toEqual([old]);
    const { code, stderr } = await neurofuzz(['triage', now, '--against', old]);
    expect(code).toBe(1);
    expect(stderr).toContain(`${old} was written by a version of neurofuzz with other signatures`);
  });

  test('the command exits with 1 for new ones alone, and writes the baseline', async () => {
    const baseline = join(folder, 'night.json');
    const first = await neurofuzz(['triage', now, '--against', before, '--update-baseline', baseline]);
    expect(first.code).toBe(1);
    expect(first.stdout).toMatch(/^ +new +nonfinite-inf-exp /m);
    expect(first.stdout).toMatch(/^ +fixed +nonfinite-nan-sqrt /m);
    const second = await neurofuzz(['triage', now, '--against', baseline, '--json']);
    expect(second.code).toBe(0);
    // What does not come up again every time is no new fault that counts.
    const states = JSON.parse(second.stdout).faults.map((one: { state: string }) => one.state);
    expect(states).toEqual(['new', 'known', 'known']);
    expect(JSON.parse(readFileSync(baseline, 'utf8'))).toMatchObject({ kind: 'neurofuzz-baseline' });
    expect((await neurofuzz(['triage', now])).code).toBe(1);
  });

  test.each([
    ['nothing.json', undefined, /no such file/],
    ['text.json', 'no JSON', /is not a baseline/],
    ['other.json', '{"faults": []}', /is not a baseline: name a file written by --update-baseline/],
    ['odd.json', '{"kind": "neurofuzz-baseline", "formatVersion": 1, "faults": [{}]}', /is not a baseline/],
    [
      'old.json',
      '{"kind": "neurofuzz-baseline", "formatVersion": 0, "faults": []}',
      /another version of neurofuzz/,
    ],
  ])('%s is refused', async (name, content, message) => {
    const path = join(folder, name);
    if (content !== undefined) writeFileSync(path, content);
    await expect(triage([now], { against: path })).rejects.toThrow(UserError);
    await expect(triage([now], { against: path })).rejects.toThrow(message);
  });

  test('folders that are no campaigns are refused by name', async () => {
    await expect(triage([folder])).rejects.toThrow(/is not a campaign/);
    await expect(triage([now], { against: folder })).rejects.toThrow(/neither a campaign nor a baseline/);
  });

  test('damaged findings are named and left out, the others shown, and nothing of them is taken for fixed', async () => {
    const planted = ['x', 'y'].map((signature) => ({ signature, id: '1' }));
    const damaged = campaignOf(planted, { y: 822 });
    const against = campaignOf(planted);
    writeFileSync(join(damaged, 'findings', 'x', '1', 'finding.json'), '{');
    writeFileSync(join(damaged, 'findings', 'y', 'signature.json'), '{"hits":5');
    const { faults, fixed, lost, damage } = await triage([damaged], { against });
    expect(faults.map(({ signature }) => signature)).toEqual(['y']);
    expect([fixed, lost.map(({ signature }) => signature)]).toEqual([[], ['x']]);
    expect(damage).toEqual([
      expect.stringMatching(/x\/1\/finding.json is damaged.*the finding is left out/),
      expect.stringMatching(/y\/signature.json is damaged/),
    ]);
  });
});

test('ten thousand findings of three causes are three faults', async () => {
  const causes = ['nonfinite-nan-a', 'nonfinite-nan-b', 'nonfinite-nan-c'];
  const many = campaignOf(
    Array.from({ length: 9999 }, (_, i) => ({
      signature: causes[i % 3],
      id: String(i),
      linf: 1 + (i % 100),
    })),
  );
  const { faults } = await triage([many]);
  expect(faults.map(({ signature, findings }) => [signature, findings])).toEqual(
    causes.map((cause) => [cause, 3333]),
  );
});

test('what a summary holds does not act on the terminal', async () => {
  const nasty = campaignOf([{ signature: 'x', id: 'y' }]);
  const path = join(nasty, 'findings', 'x', 'y', 'finding.json');
  const finding = JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(
    path,
    JSON.stringify({ ...finding, summary: 'red \u001b[31m\u202e', signature: 'odd\u001b[2J' }),
  );
  const { stdout } = await neurofuzz(['triage', nasty]);
  expect(stdout).toContain('red \\u{1B}[31m\\u{202E}');
  expect(stdout).toContain('odd\\u{1B}[2J');
});
