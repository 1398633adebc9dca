import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { convert } from 'xmlbuilder2';
import { junitXml } from '../../src/report/junit.ts';
import { markdownText } from '../../src/report/markdown.ts';
import { checksOf } from '../../src/report/objective-results.ts';
import type { ReportedFault } from '../../src/report/reported-fault.ts';
import { sarifText } from '../../src/report/sarif.ts';
import type { Finding } from '../../src/storage/finding.ts';
import { junitFaults, sarifFaults } from '../support/schemas.ts';

const HOSTILE =
  '<script>alert(1)</script> & "\'` | \u202E gnp.exe \u001b[31m ../../etc/passwd \uD800 ]]> @me';

function fault(change: Partial<ReportedFault> = {}): ReportedFault {
  return {
    signature: 'nonfinite-nan-log',
    objective: 'nonfinite',
    summary: 'Log makes NaN of 0',
    firstSeen: '2026-11-28T00:00:00.000Z',
    campaigns: ['out'],
    hits: 12,
    findings: 5,
    flaky: 0,
    batchDependent: 0,
    minimized: 0,
    reproduced: '10/10',
    distance: { linf: 1, l2: 1, l0: 1 },
    broken: null,
    path: 'out/findings/nonfinite-nan-log/0123456789abcdef',
    input: 'out/findings/nonfinite-nan-log/0123456789abcdef/input.png',
    replay: 'npx neurofuzz replay out/findings/nonfinite-nan-log/0123456789abcdef',
    isMinimized: true,
    ...change,
  };
}

const finding = {
  replay: 'neurofuzz replay findings/nonfinite-nan-log/0123456789abcdef',
  origin: { operation: 'log' },
} as unknown as Finding;

const KNOWN = { signature: 'assert-small', objective: 'assert', summary: 'was too large', firstSeen: null };

describe('JUnit', () => {
  const campaign = (faults: readonly ReportedFault[]) => ({
    name: 'digits',
    objectives: ['nonfinite', 'slow'],
    faults,
    fixed: [KNOWN],
    seconds: 60,
  });
  const outcomes = (faults: readonly ReportedFault[]) =>
    Object.fromEntries(checksOf([campaign(faults)]).map(({ name, outcome }) => [name, outcome.kind]));

  test('has a case for each objective and each fault; without a baseline each fault fails, and fails once', () => {
    expect(outcomes([fault()])).toEqual({
      nonfinite: 'skipped',
      slow: 'passed',
      'nonfinite-nan-log': 'failed',
      'assert-small': 'passed',
    });
  });

  test('against a baseline known faults are skipped and their objectives pass, new ones fail', () => {
    expect(outcomes([fault({ state: 'known' })])).toMatchObject({
      nonfinite: 'passed',
      'nonfinite-nan-log': 'skipped',
    });
    expect(outcomes([fault({ state: 'new' })])).toMatchObject({
      nonfinite: 'skipped',
      'nonfinite-nan-log': 'failed',
    });
  });

  test('objectives of one kind have a case each, by what their signatures begin with', () => {
    const own = { ...campaign([]), objectives: ['assert', 'assert-small', 'text-words'], fixed: [] };
    const faults = [
      fault({ signature: 'assert-small', objective: 'assert' }),
      fault({ signature: 'crash-log', objective: 'crash' }),
    ];
    const kinds = Object.fromEntries(
      checksOf([{ ...own, faults }])
        .filter(({ group }) => group === 'digits')
        .map(({ name, outcome }) => [name, outcome.kind]),
    );
    expect(kinds).toEqual({
      assert: 'passed',
      'assert-small': 'skipped',
      'text-words': 'passed',
      crash: 'skipped',
    });
  });

  test('what needs its batch fails, and says so', () => {
    const dependent = fault({ batchDependent: 5 });
    expect(outcomes([dependent])).toMatchObject({ nonfinite: 'skipped', 'nonfinite-nan-log': 'failed' });
    const check = checksOf([campaign([dependent])]).find(({ name }) => name === dependent.signature);
    expect(check?.outcome).toMatchObject({ details: expect.stringContaining('10/10, batch-dependent') });
  });

  test('an infinity that no output shows is a failure of the objective that finds it', () => {
    expect(outcomes([fault({ signature: 'absorbed-inf-exp' })])).toMatchObject({
      nonfinite: 'skipped',
      'absorbed-inf-exp': 'failed',
    });
  });

  test('what is flaky fails nothing', () => {
    expect(outcomes([fault({ flaky: 5 })])).toMatchObject({
      nonfinite: 'passed',
      'nonfinite-nan-log': 'skipped',
    });
  });

  test("passes Jenkins' schema, whatever stands in the texts", async () => {
    const texts = ['plain', HOSTILE, ...fc.sample(fc.string({ unit: 'binary', maxLength: 40 }), 20)];
    for (const text of texts) {
      const faults = (['new', 'known'] as const).map((state) =>
        fault({ summary: text, path: text, input: text, replay: text, state }),
      );
      const hostile = { ...campaign(faults), name: text };
      const xml = junitXml(text, checksOf([hostile]));
      expect(await junitFaults(xml)).toEqual([]);
      for (const what of ['<script', '\u001b', '\u202E']) expect(xml).not.toContain(what);
    }
  });

  test('the schema would notice', async () => {
    expect(await junitFaults('<testsuites><testsuite/></testsuites>')).not.toEqual([]);
  });

  test('counts add up', () => {
    const xml = junitXml(
      'all',
      checksOf([campaign([fault({ state: 'known' }), fault({ signature: 'x', state: 'new' })])]),
    );
    const { testsuites } = convert(xml, { format: 'object' }) as unknown as {
      testsuites: { testsuite: Record<string, string> };
    };
    expect(testsuites.testsuite).toMatchObject({
      '@tests': '5',
      '@failures': '1',
      '@skipped': '2',
      '@errors': '0',
    });
  });
});

describe('SARIF', () => {
  const campaign = (change: Partial<ReportedFault> = {}, name = 'digits') => ({
    name,
    model: 'models/my net.onnx',
    faults: [{ fault: fault(change), finding }],
    fixed: [KNOWN],
  });
  const resultsOf = (text: string) => JSON.parse(text).runs[0].results;

  test("passes OASIS' schema, with and without a baseline, and whatever stands in the texts", () => {
    for (const change of [
      {},
      { state: 'new' as const },
      { summary: HOSTILE, signature: HOSTILE, path: HOSTILE, input: HOSTILE, replay: HOSTILE },
    ])
      expect(sarifFaults(sarifText([campaign(change)]))).toEqual([]);
    expect(sarifFaults(sarifText([]))).toEqual([]);
  });

  test('a fault is an error, one that no output shows a warning, one that does not reproduce a note', () => {
    const level = (change: Partial<ReportedFault>) => resultsOf(sarifText([campaign(change)]))[0].level;
    expect(level({})).toBe('error');
    expect(level({ signature: 'absorbed-inf-exp' })).toBe('warning');
    expect(level({ signature: 'absorbed-nan-div' })).toBe('warning');
    expect(level({ signature: 'absorbed-inf-exp', flaky: 5 })).toBe('note');
  });

  test('the schema would notice', () => {
    const broken = sarifText([campaign()]).replace('"level": "error"', '"level": "terrible"');
    expect(sarifFaults(broken)).not.toEqual([]);
  });

  test('has a rule an objective and a result a fault, with its place and whether it is new', () => {
    const text = sarifText([campaign({ state: 'new' })]);
    const { rules } = JSON.parse(text).runs[0].tool.driver;
    expect(rules.map(({ id }: { id: string }) => id)).toEqual(['assert', 'nonfinite']);
    const [found, gone] = resultsOf(text);
    expect(found).toMatchObject({
      ruleId: 'nonfinite',
      ruleIndex: 1,
      level: 'error',
      baselineState: 'new',
      occurrenceCount: 12,
    });
    expect(found.locations[0]).toEqual({
      physicalLocation: { artifactLocation: { uri: 'models/my%20net.onnx' } },
      logicalLocations: [{ name: 'log', kind: 'function' }],
    });
    expect(gone).toMatchObject({ ruleId: 'assert', baselineState: 'absent', level: 'none' });
  });

  test('fingerprints stay while the fault does, and differ between campaigns', () => {
    const print = (change: Partial<ReportedFault>, name?: string): string =>
      resultsOf(sarifText([campaign(change, name)]))[0].partialFingerprints['neurofuzzSignature/v1'];
    expect(print({ hits: 99, path: 'elsewhere', summary: 'other words' })).toBe(print({}));
    expect(print({ signature: 'nonfinite-nan-exp' })).not.toBe(print({}));
    expect(print({}, 'letters')).not.toBe(print({}));
  });
});

describe('Markdown', () => {
  const NEXT = {
    singletons: 1,
    chance: 0.001,
    isUpperBound: false,
    upper95: 0.003,
    mutantsSinceLast: 900,
    secondsSinceLast: 4,
  };
  const ACCOUNT = {
    objective: 'misclassified',
    seeds: 50,
    broken: 48,
    share: 0.96,
    medianQueries: 160,
    p90Queries: 900,
    norm: 'linf',
    curve: [],
  } as const;
  const campaign = (faults: readonly ReportedFault[]) => ({
    name: 'digits',
    folder: 'out',
    faults,
    fixed: [KNOWN],
    otherSignatures: [],
    lost: [],
    ignored: [],
    damage: [],
    execs: 1000,
    seconds: 5,
    newFaults: NEXT,
    seedAccounts: [ACCOUNT],
  });

  test('has new faults with input and command, then known and fixed ones in tables', () => {
    const text = markdownText(
      'Night',
      [campaign([fault({ signature: 'x', state: 'known' }), fault({ state: 'new' })])],
      [],
    );
    expect(text).toContain('## Night: 1 new fault, 1 known, 1 fixed');
    expect(text).toContain(`### New: digits: \`nonfinite-nan-log\`

Log makes NaN of 0 (12 hits)

- Smallest input: 1 value differs from the seed, by at most 1 \\(minimized\\): \`out/findings/nonfinite-nan-log/0123456789abcdef/input.png\`
- Finding: \`out/findings/nonfinite-nan-log/0123456789abcdef\`

\`\`\`sh
npx neurofuzz replay out/findings/nonfinite-nan-log/0123456789abcdef
\`\`\``);
    expect(text).toContain('| known | digits | `x` | Log makes NaN of 0 | 12 |');
    expect(text).toContain('| fixed | digits | `assert-small` | was too large |  |');
    expect(text).toContain('digits: misclassified: 48 of 50 seeds broken \\(96 %\\)');
    expect(text).toContain('new fault: 0.1 %; none in the last 900 mutants');
    const order = ['### New', '### Known', '### Fixed', '### Campaigns'].map((heading) =>
      text.indexOf(heading),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
  });

  test('names the usual repair of a fault, with its source', () => {
    const repair = { text: 'Compute log(max(x, epsilon)).', source: 'PyTorch documentation' };
    expect(markdownText('Night', [campaign([fault({ repair })])], [])).toContain(
      '\n- Usual repair: Compute log\\(max\\(x, epsilon\\)\\). \\(PyTorch documentation\\)\n',
    );
    expect(markdownText('Night', [campaign([fault()])], [])).not.toContain('repair');
  });

  test('holds no markup of strangers, and stays in its table and in its code', () => {
    const strange = fc.oneof(
      fc.constant(HOSTILE),
      fc.constant('``` \n# x'),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    fc.assert(
      fc.property(strange, (summary) => {
        const change = { summary, path: summary, input: summary, replay: summary };
        const faults = [
          fault({ ...change, state: 'known' }),
          fault({ ...change, signature: 'y', state: 'new' }),
        ];
        const text = markdownText('Night', [campaign(faults)], [summary]);
        const row = text.split('\n').find((line) => line.startsWith('| known |')) ?? '';
        expect(row.match(/(?<!\\)\|/g)).toHaveLength(6);
        expect(row).not.toMatch(/[<>@]/);
        const lines = text.split('\n');
        const start = lines.findIndex((line) => /^`{3,}sh$/.test(line));
        const fence = lines[start].replace('sh', '');
        expect(lines[start + 2]).toBe(fence);
        expect(lines[start + 1]).not.toContain(fence);
      }),
    );
  });

  test('fits a summary of a CI job', () => {
    const faults = Array.from({ length: 5000 }, (_, i) => fault({ signature: `fault-${i}`, state: 'new' }));
    expect(markdownText('Night', [campaign(faults)], []).length).toBeLessThan(1_000_000);
  });
});
