import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decodeNpz } from '../../src/tensor/npz.ts';
import { findingFolders, readJson } from '../support/campaign.ts';
import { contestIn } from '../support/contest.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();
const contest = contestIn(folder);

describe('with a threat model', () => {
  const corpus = join(process.cwd(), 'corpora/six-seven');
  const campaignFile = (name: string, block: string): string => {
    const path = join(folder, name);
    const files = `model: ${corpus}/undefended.onnx\nseeds: ${corpus}/seeds.npz\nlabels: ${corpus}/labels.txt\n`;
    writeFileSync(path, `${files}threatModel:\n${block}`);
    return path;
  };

  test('all attacks keep to its limits, and findings are checked against it', async () => {
    const block =
      '  goal: { kind: untargeted, from: [0] }\n  may: indistinguishable\n  limits: { linf: 0.2, l2: 2.5, range: [0, 1], valid: "abs(sum(image) - sum(seed)) < 20" }\n';
    const attacks = [
      'spatial',
      'corruptions',
      'square:linf=0.5',
      'boundary:l2=9',
      'pgd:linf=0.5,steps=20',
      'fuzz',
    ];
    const { code, report, out } = await contest([
      '--config',
      campaignFile('near.yaml', block),
      '--inputs',
      '10',
      '--queries',
      '60',
      '--threshold',
      '-100',
      '--attack',
      ...attacks,
    ]);
    expect(code).toBe(1);
    const found = findingFolders(out);
    expect(found.length).toBeGreaterThan(0);
    expect(report.threatModel).toEqual({ checked: found.length, outside: 0, byClause: {} });
    for (const path of found) {
      const finding = readJson(path, 'finding.json');
      expect(finding).toMatchObject({ label: 0, threat: { obeys: true } });
      const [values, seed] = [join(path, 'input.npz'), join(out, 'corpus', `${finding.ancestor}.npz`)].map(
        (file) => {
          const [[, { data }]] = decodeNpz(readFileSync(file), file);
          return Array.from(data, Number);
        },
      );
      const changes = values.map((value, i) => value - seed[i]);
      expect(Math.max(...changes.map(Math.abs))).toBeLessThanOrEqual(0.2);
      expect(Math.hypot(...changes)).toBeLessThanOrEqual(2.5);
      expect(Math.abs(changes.reduce((sum, change) => sum + change, 0))).toBeLessThan(20);
      expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
  });

  test('no attack takes more queries than it allows, and findings say how many it took', async () => {
    const { code, report, out, stderr } = await contest([
      '--config',
      campaignFile('few-queries.yaml', '  goal: { kind: untargeted }\n  queries: { each: 50 }\n'),
      '--inputs',
      '10',
      '--threshold',
      '-100',
    ]);
    expect(code).toBe(1);
    const names = report.attacks.map(({ attack }: { readonly attack: string }) => attack);
    expect(names).toContain('square');
    expect(names).not.toContain('spatial');
    expect(report.threatModel).toMatchObject({ outside: 0 });
    // Seeds that no attack broke are not errors.
    expect(stderr).not.toMatch(/wrong without an attack/);
    const spent = findingFolders(out).map((path) => readJson(path, 'finding.json').threat.queries);
    expect(Math.max(...spent)).toBeLessThanOrEqual(50);
    expect(Math.max(...spent)).toBeGreaterThan(1);
  });

  test.each([
    ['reliability.yaml', '  goal: { kind: reliability }\n', [], 'reliability is not shown by a contest'],
    ['before.yaml', '  goal: { kind: untargeted }\n  turn: before\n', [], 'set --attack clean'],
    [
      'outputs.yaml',
      '  goal: { kind: untargeted }\n  knows: { model: outputs }\n',
      ['--attack', 'pgd'],
      'the threat model hides the weights',
    ],
    [
      'labels.yaml',
      '  goal: { kind: untargeted }\n  knows: { model: outputs, outputs: labels }\n',
      [],
      'hides scores',
    ],
    [
      'mild.yaml',
      '  goal: { kind: untargeted }\n  may: content-preserving\n',
      [],
      'allows mild changes alone',
    ],
    [
      'total.yaml',
      '  goal: { kind: untargeted }\n  queries: { total: 1000 }\n',
      [],
      'counts the queries of each input alone',
    ],
    [
      'few.yaml',
      '  goal: { kind: untargeted }\n  queries: { each: 100 }\n',
      ['--attack', 'spatial'],
      'takes up to 275 queries for one input, and threatModel.queries.each is 100',
    ],
  ])('%s is refused', async (name, block, args, message) => {
    const { code, stderr } = await contest([
      '--config',
      campaignFile(name, block),
      '--inputs',
      '10',
      ...args,
    ]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
