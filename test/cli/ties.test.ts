import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { readManifest } from '../../src/storage/manifest-reader.ts';
import { digests, findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeSeeds, writeSoftmaxOnnx } from '../support/models.ts';

const folder = testFolder();
const HOME = 'corpora/quantized-digits';

interface Signature {
  readonly signature: string;
  readonly hits: number;
}

const fuzz = async (out: string, ...flags: string[]) => {
  const { code, stdout } = await neurofuzz([
    'fuzz',
    '--config',
    `${HOME}/campaign.yaml`,
    ...['-s', '9', '-o', join(folder, out), '--json', '--log-level', 'error'],
    ...flags,
  ]);
  const { findings } = JSON.parse(stdout) as { findings: { signatures: readonly Signature[] } };
  const hitsOf = (kind: string): number =>
    findings.signatures
      .filter(({ signature }) => signature.startsWith(`quantization-${kind}-`))
      .reduce((sum, { hits }) => sum + hits, 0);
  return { code, signatures: findings.signatures, hitsOf };
};

/** Gaps of the findings in a campaign's folder, and whether each is within the noise that another recorded. */
async function findingsOf(out: string, measuredBy = out) {
  const { noise } = await readManifest(join(folder, measuredBy));
  const { reference, copy } = noise?.logits ?? { reference: Number.NaN, copy: Number.NaN };
  return findingFolders(join(folder, out)).map((finding) => {
    const { signature, violation } = readJson(finding, 'finding.json');
    const { gap } = violation.details;
    return { signature, isTied: gap.reference <= reference || gap.copy <= copy };
  });
}

describe('disagreements of the bundled int8 copy', () => {
  // Steps along gradients pass by ties: the next disagreement is a real one.
  const EXECS = ['-n', '8000', '--gradients', 'off'];
  let told: Awaited<ReturnType<typeof fuzz>>;
  beforeAll(async () => {
    told = await fuzz('told', ...EXECS);
  });

  test('are ties for the most part, which are counted apart; the search goes on to real ones', async () => {
    expect(told.code).toBe(1);
    expect(told.hitsOf('class')).toBeGreaterThan(0);
    expect(told.hitsOf('tie')).toBeGreaterThan(told.hitsOf('class'));
    const before = await fuzz('untold', '-O', 'quantization:ties=fault', '--keep', '20', ...EXECS);
    expect(before.signatures.map(({ signature }) => signature)).toEqual(['quantization-class-logits']);
    const kept = await findingsOf('untold', 'told');
    expect(kept.filter(({ isTied }) => isTied).length).toBeGreaterThan(kept.length / 2);
  });

  test('have gaps beyond the noise that campaign.yaml records, but ties', async () => {
    const kept = await findingsOf('told');
    expect(new Set(kept.map(({ isTied }) => isTied)).size).toBe(2);
    for (const { signature, isTied } of kept)
      expect([signature, isTied]).toEqual([`quantization-${isTied ? 'tie' : 'class'}-logits`, isTied]);
  });

  test('are replayed as what they are, and ties fail nothing', async () => {
    const out = join(folder, 'told');
    const ties = join(out, 'findings', 'quantization-tie-logits');
    const replayed = await neurofuzz(['replay', ties, '--json']);
    expect(replayed.code).toBe(0);
    expect(JSON.parse(replayed.stdout)).toMatchObject({ fixed: 0 });
    const triaged = await neurofuzz(['triage', out, '--json']);
    const { faults } = JSON.parse(triaged.stdout);
    expect(faults.at(-1).signature).toBe('quantization-tie-logits');
  });

  test('are found alike by two workers, and by a campaign that is resumed', async () => {
    await fuzz('again', '-n', '3000', '--gradients', 'off');
    await neurofuzz(['fuzz', '--resume', '-o', join(folder, 'again'), ...EXECS, '-j', '2', '--quiet']);
    expect(digests(join(folder, 'again'), 'corpus', 'findings')).toEqual(
      digests(join(folder, 'told'), 'corpus', 'findings'),
    );
  });
});

test('the finding that the README shows is none: it is a clear digit', async () => {
  const { code, hitsOf } = await fuzz('readme', '--until-finding', '-n', '20000');
  expect(code).toBe(1);
  expect(hitsOf('class')).toBeGreaterThan(0);
});

describe('a model against itself', () => {
  const model = writeSoftmaxOnnx(folder);
  const seeds = writeSeeds(folder, [[0.1, 0.9, 0.3, 0.4]]);
  const flags = ['-i', seeds, '--range=0,1', '-n', '100', '-o'];

  test('on the runtime that it runs on is refused', async () => {
    const out = join(folder, 'itself');
    const { code, stderr } = await neurofuzz([
      'fuzz',
      model,
      '--against-runtime',
      'onnx',
      ...flags,
      out,
      '--quiet',
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--against-runtime onnx: the model would be compared with itself/);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('as another file of the same bytes is a campaign, with a warning', async () => {
    const copy = writeSoftmaxOnnx(folder, 'same.onnx');
    const { code, stderr } = await neurofuzz([
      'fuzz',
      model,
      '--against',
      copy,
      ...flags,
      join(folder, 'same'),
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain('both models are the same file on the same runtime');
  });
});
