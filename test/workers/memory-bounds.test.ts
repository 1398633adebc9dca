import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, jest, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { findingFolders } from '../support/campaign.ts';
import { type Ended, HANGS, neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx, writeSeeds } from '../support/models.ts';

jest.setTimeout(HANGS);

const folder = testFolder();

/** Bytes of a page of /proc. */
const PAGE = 4096;

/** Bytes beyond a limit that a process may have taken before it was seen, on a machine with much to do. */
const SLACK = 6e8;

/** A file of less than a kilobyte that fills 12 GB, whatever its input: of a size that the graph says, or a run. */
function expandingOnnx(isFolded: boolean): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  const constant = (name: string, value: bigint) =>
    graph.constant(name, 'int64', [1], BigInt64Array.of(value));
  const big = constant('big', 3_000_000_000n);
  let size = big;
  if (!isFolded) {
    graph.node('ReduceMax', [x], 'largest', { keepdims: 0 });
    graph.node('Reshape', ['largest', constant('one', 1n)], 'largest1');
    graph.node('Greater', ['largest1', graph.constant('low', 'float32', [1], Float32Array.of(-1e9))], 'is');
    size = graph.node('Where', ['is', big, constant('small', 1n)], 'n');
  }
  graph.node('ConstantOfShape', [size], 'zeros');
  graph.node('ReduceSum', ['zeros'], 'sum', { keepdims: 0 });
  graph.node('Add', [x, 'sum'], 'shifted');
  graph.node(
    'MatMul',
    ['shifted', graph.constant('w', 'float32', [4, 4], new Float32Array(16).fill(0.5))],
    'y',
  );
  graph.output('y', 'float32', ['batch', 4]);
  const path = join(folder, isFolded ? 'folded.onnx' : 'run.onnx');
  writeFileSync(path, graph.finish('expanding'));
  return path;
}

function residentBytes(pid: number): number {
  try {
    return PAGE * Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]);
  } catch {
    return 0;
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Runs a command; tells the most bytes that one of its processes held, and by how much this one, which runs it, grew. */
async function measured(
  args: readonly string[],
): Promise<Ended & { readonly peak: number; readonly growth: number }> {
  const before = residentBytes(process.pid);
  let peak = 0;
  let most = before;
  const timer = setInterval(() => {
    if (process.platform !== 'linux') return;
    most = Math.max(most, residentBytes(process.pid));
    for (const pid of childrenOf(process.pid)) peak = Math.max(peak, residentBytes(pid));
  }, 5);
  try {
    return { ...(await neurofuzz(args)), peak, growth: most - before };
  } finally {
    clearInterval(timer);
  }
}

const seeds = writeSeeds(folder, [
  [1, 2, 3, 4],
  [2, 3, 4, 1],
]);

test.each([true, false])(
  'a small model that fills the memory does not, in any command (folded: %s)',
  async (isFolded) => {
    const model = expandingOnnx(isFolded);
    const refused =
      /^neurofuzz: \S+\.onnx: (?:the first seed|quantizing it) takes more than 1\.0 GB of memory \(--memory allows more\), far more than its size requires; refused\n$/;
    const commands: readonly [args: readonly string[], code: number, stderr: RegExp][] = [
      [['inspect', model], 0, /^(note: [^\n]*\n)+$/],
      [['init', model, '-o', join(folder, `${isFolded}.yaml`)], 0, /^wrote/],
      [
        [
          'fuzz',
          model,
          '-i',
          seeds,
          '--range=0,5',
          '-n',
          '100',
          '-o',
          join(folder, `${isFolded}`),
          '--quiet',
        ],
        2,
        refused,
      ],
      [['compare', model, writeLogOnnx(folder), '-i', seeds, '--quiet'], 2, refused],
      [
        ['quantize', model, '--to', 'int8', '-i', seeds, '-o', join(folder, `${isFolded}-int8`), '--quiet'],
        2,
        refused,
      ],
    ];
    // Where the sizes of a graph are constant, the runtime computes it before its first run.
    for (const [args, code, stderr] of isFolded ? commands.slice(0, 3) : commands) {
      const ended = await measured(args);
      expect([args[0], ended.code]).toEqual([args[0], code]);
      if (code !== 0) expect(ended.stderr).toMatch(stderr);
      expect(ended.peak).toBeLessThan(1e9 + SLACK);
      expect(ended.growth).toBeLessThan(SLACK);
    }
  },
);

test('--memory holds in the process that runs findings again', async () => {
  const out = join(folder, 'log');
  const model = writeLogOnnx(folder);
  const flags = ['--range=-1,5', '-n', '200', '--keep', '1', '--memory', '400MB', '--quiet'];
  expect((await neurofuzz(['fuzz', model, '-i', seeds, '-o', out, '-s', '1', ...flags])).code).toBe(1);
  const [finding] = findingFolders(out);
  const { code, peak } = await measured(['replay', finding, '--model', expandingOnnx(false)]);
  expect(code).toBe(1);
  expect(peak).toBeLessThan(4e8 + SLACK);
});
