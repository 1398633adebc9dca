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

describe('disagreements of the bundled int8 copy', () => {
  const EXECS = ['-n', '60000'];
  let told: Awaited<ReturnType<typeof fuzz>>;
  beforeAll(async () => {
    told = await fuzz('told', ...EXECS);
  });

  test('are ties for the most part, which are counted apart; the search goes on to real ones', async () => {
    expect(told.hitsOf('tie')).toBeGreaterThan(0);
    expect(told.hitsOf('class')).toBeGreaterThan(0);
    expect(told.code).toBe(1);
    const before = await fuzz('untold', '-O', 'quantization:ties=fault', ...EXECS);
    expect(before.hitsOf('tie')).toBe(0);
    expect(before.hitsOf('class')).toBeGreaterThan(0);
  });

  test('have gaps beyond the noise that campaign.yaml records, but ties', async () => {
    const { noise } = await readManifest(join(folder, 'told'));
    const { reference, copy } = noise?.logits ?? { reference: Number.NaN, copy: Number.NaN };
    expect(reference).toBeGreaterThan(0);
    for (const finding of findingFolders(join(folder, 'told'))) {
      const { signature, violation } = readJson(finding, 'finding.json');
      const { gap } = violation.details;
      const isTied = gap.reference <= reference || gap.copy <= copy;
      expect([signature, isTied]).toEqual([`quantization-${isTied ? 'tie' : 'class'}-logits`, isTied]);
    }
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
    await fuzz('again', '-n', '20000');
    await neurofuzz(['fuzz', '--resume', '-o', join(folder, 'again'), ...EXECS, '-j', '2', '--quiet']);
    expect(digests(join(folder, 'again'), 'corpus', 'findings')).toEqual(
      digests(join(folder, 'told'), 'corpus', 'findings'),
    );
  });
});

test('the finding that the README shows is none: it is a clear digit', async () => {
  const { code, hitsOf } = await fuzz('readme', '--until-finding', '-n', '200000');
  expect(code).toBe(1);
  expect(hitsOf('class')).toBeGreaterThan(0);
});

describe('a model against itself', () => {
  const model = writeSoftmaxOnnx(folder);
  const seeds = writeSeeds(folder, [[1, 2, 3, 4]]);
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
