import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { findingFolders, readJson } from '../support/campaign.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { WEIGHTS, writeSeeds } from '../support/models.ts';

const folder = testFolder();

/** Writes a model of four numbers x; `moved` is what tells the copy from the model. */
function write(
  name: string,
  moved: number,
  build: (graph: OnnxBuilder, x: string, moved: string) => void,
): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 4]);
  build(graph, x, graph.constant('moved', 'float32', [1], Float32Array.of(moved)));
  const path = join(folder, `${name}-${moved}.onnx`);
  writeFileSync(path, graph.finish(name));
  return path;
}

const reshape = (graph: OnnxBuilder, value: string, shape: readonly number[], output: string): string =>
  graph.node(
    'Reshape',
    [value, graph.constant(`${output}_shape`, 'int64', [shape.length], BigInt64Array.from(shape, BigInt))],
    output,
  );

/** Small models of each task. */
const MODELS: Readonly<Record<string, (moved: number) => string>> = {
  // One box, x, and a score that grows with it; the copy’s box lies to the lower right.
  boxes: (moved) =>
    write('boxes', moved, (graph, x, shift) => {
      graph.node('Add', [reshape(graph, x, [-1, 1, 4], 'box'), shift], 'dets');
      graph.output('dets', 'float32', ['batch', 1, 4]);
      graph.node('ReduceMax', [x], 'most', { axes: [1], keepdims: 1 });
      graph.node('Sigmoid', ['most'], 'conf');
      graph.output('conf', 'float32', ['batch', 1]);
    }),
  // Four pixels, foreground above one half.
  masks: (moved) =>
    write('masks', moved, (graph, x, shift) => {
      graph.node('Add', [reshape(graph, x, [-1, 2, 2], 'pixels'), shift], 'mask');
      graph.output('mask', 'float32', ['batch', 2, 2]);
    }),
  // Three scores, of which the copy raises the first one.
  ranking: (moved) =>
    write('ranking', moved, (graph, x, shift) => {
      const weights = graph.constant('w', 'float32', [4, 3], WEIGHTS);
      graph.node('MatMul', [x, weights], 'logits');
      graph.node('Mul', [graph.constant('first', 'float32', [3], Float32Array.of(1, 0, 0)), shift], 'raised');
      graph.node('Add', ['logits', 'raised'], 'scores');
      graph.output('scores', 'float32', ['batch', 3]);
    }),
  regression: (moved) =>
    write('regression', moved, (graph, x, shift) => {
      graph.node('Exp', [x], 'e');
      graph.node('Mul', [graph.node('Exp', [shift], 'factor'), 'e'], 'y');
      graph.output('y', 'float32', ['batch', 4]);
    }),
  // Two tokens of a vocabulary of two, of which the copy favours the second.
  tokens: (moved) =>
    write('tokens', moved, (graph, x, shift) => {
      graph.node('Mul', [graph.constant('second', 'float32', [2], Float32Array.of(0, 1)), shift], 'favour');
      graph.node('Add', [reshape(graph, x, [-1, 2, 2], 'steps'), 'favour'], 'logits');
      graph.node('ArgMax', ['logits'], 'ids', { axis: 2, keepdims: 0 });
      graph.output('ids', 'int64', ['batch', 2]);
    }),
};

const SEED = [0.2, 0.4, 0.8, 0.7];
let seeds: string;
beforeAll(() => {
  seeds = writeSeeds(folder, [SEED]);
});

describe('compare', () => {
  test.each([
    ['boxes', 'boxes:iou=0.5', 0.05, 0.3, /1 box of dets has|2 boxes of dets have no match/],
    ['masks', 'masks:iou=0.9', 0.05, 0.2, /the masks of mask have a mean overlap of/],
    [
      'ranking',
      'ranking:k=1:overlap=1',
      0.01,
      9,
      /the top 1 of scores are 2 in the (original|first) model and 0 in the (quantized copy|second model)/,
    ],
    ['regression', 'regression:relative=0.1', 0.05, 0.2, /y\[\d\] is .*: a relative error of 0.221/],
    ['tokens', 'tokens', 0.05, 0.2, /the texts of ids differ by 1 edit; they have 2 and 2 tokens/],
  ])('judges by %s', async (task, by, little, much, summary) => {
    const compare = (moved: number) =>
      neurofuzz([
        'compare',
        MODELS[task](0),
        MODELS[task](moved),
        '-i',
        seeds,
        '-O',
        `differential:by=${by}`,
        '--json',
        '--log-level',
        'error',
      ]);
    const alike = await compare(little);
    expect([alike.code, JSON.parse(alike.stdout).violations]).toEqual([0, 0]);
    const apart = await compare(much);
    expect(apart.code).toBe(1);
    const { violations, worst } = JSON.parse(apart.stdout);
    expect(violations).toBe(1);
    expect(worst[0].violation).toMatch(summary);
  });

  test('refuses outputs that do not fit, and settings that there are not', async () => {
    const refuse = (by: string) =>
      neurofuzz([
        'compare',
        MODELS.ranking(0),
        MODELS.ranking(1),
        '-i',
        seeds,
        '-O',
        `differential:by=${by}`,
      ]);
    const unfit = await refuse('boxes');
    expect(unfit).toMatchObject({ code: 2, stdout: '' });
    expect(unfit.stderr).toContain('needs one output with four numbers for each box, and there are scores');
    const unknown = await refuse('boxen');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("outputs can't be compared by boxen");
  });
});

describe('fuzz', () => {
  const fuzz = (out: string, ...flags: string[]) =>
    neurofuzz([
      'fuzz',
      ...flags,
      ...[
        '-i',
        seeds,
        '--range=0,1',
        '-n',
        '4000',
        '--keep',
        '1',
        '-s',
        '1',
        '-o',
        join(folder, out),
        '--quiet',
      ],
    ]);

  test('finds two models that part by a comparator, and triage judges them anew by another bound', async () => {
    const flags = ['--against', MODELS.boxes(0.05), '-O', 'differential:by=boxes:iou=0.5'];
    expect((await fuzz('boxes', MODELS.boxes(0), ...flags)).code).toBe(1);
    const [finding] = findingFolders(join(folder, 'boxes'));
    expect(readJson(finding, 'finding.json')).toMatchObject({
      signature: 'differential-boxes-dets',
      reproduced: '10/10',
      violation: { details: { kind: 'boxes', output: 'dets' } },
    });
    const triage = async (by: string) =>
      (await neurofuzz(['triage', join(folder, 'boxes'), '--by', by])).code;
    expect([await triage('boxes:iou=0.5'), await triage('boxes:iou=0')]).toEqual([1, 0]);
  });

  test('finds a change that should not matter and gives another text', async () => {
    const objective = 'metamorphic:by=tokens:edits=2,name=lenient,gaussian:sigma=0.3';
    expect((await fuzz('tokens', MODELS.tokens(0), '-O', objective)).code).toBe(0);
    const strict = 'metamorphic:by=tokens,name=noise,gaussian:sigma=0.3';
    expect((await fuzz('tokens-strict', MODELS.tokens(0), '-O', strict)).code).toBe(1);
    const [finding] = findingFolders(join(folder, 'tokens-strict'));
    expect(readJson(finding, 'finding.json').signature).toBe('metamorphic-noise-tokens-ids');
  });
});
