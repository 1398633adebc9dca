import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { OnnxBuilder } from '../../src/model/formats/onnx/builder.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';

const folder = testFolder();

/** `y` is `x`, less the mean of the batch where it is larger than 0.5; without `reads` always `x` twice. */
function write(name: string, reads: boolean): string {
  const graph = new OnnxBuilder();
  const x = graph.input('x', 'float32', ['batch', 2]);
  if (reads) {
    graph.node('ReduceMean', [x], 'mean', { axes: [0], keepdims: 1 });
    const half = graph.constant('half', 'float32', [1], Float32Array.of(0.5));
    graph.node('Greater', ['mean', half], 'isLarge');
    graph.node(
      'Where',
      ['isLarge', 'mean', graph.constant('zero', 'float32', [1], Float32Array.of(0))],
      'offset',
    );
    graph.node('Sub', [x, 'offset'], 'y');
  } else graph.node('Add', [x, x], 'y');
  graph.output('y', 'float32', ['batch', 2]);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, graph.finish(name));
  return path;
}

const seeds = join(folder, 'seeds.npy');
writeFileSync(
  seeds,
  encodeNpy({ type: 'float32', shape: [2, 2], data: Float32Array.of(0.1, 0.2, -0.2, 0.3) }),
);

async function fuzz(model: string, out: string, ...args: string[]) {
  const common = ['-i', seeds, '--range=-1,1', '-s', '1', '-n', '3000', '-o', join(folder, out), '--json'];
  const { code, stdout, stderr } = await neurofuzz(['fuzz', model, ...common, ...args]);
  return { code, stderr, json: stdout === '' ? undefined : JSON.parse(stdout) };
}

test('an answer that hangs on the rest of the batch is found, replayed in its batch, and a sound model is quiet', async () => {
  const found = await fuzz(write('mean', true), 'mean', '-O', 'consistent');
  expect(found.code).toBe(1);
  const [fault] = found.json.findings.signatures;
  expect(fault.signature).toMatch(/^consistent-(?:order|alone)-y$/);
  const finding = JSON.parse(readFileSync(join(fault.path, 'finding.json'), 'utf8'));
  expect(finding).toMatchObject({ objective: 'consistent', reproduced: '10/10' });
  expect((await neurofuzz(['replay', fault.path])).code).toBe(1);
  const sound = await fuzz(write('twice', false), 'twice', '-O', 'consistent');
  expect(sound).toMatchObject({ code: 0, json: { execs: 3000, findings: { hits: 0 } } });
});

test('threads are compared on a session of their own, and unknown runs are refused with those that there are', async () => {
  const threads = await fuzz(write('threads', false), 'threads', '-O', 'consistent:across=threads');
  expect(threads).toMatchObject({ code: 0, json: { execs: 3000 } });
  const wrong = await fuzz(write('wrong', false), 'wrong', '-O', 'consistent:across=moon');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/again.*order.*alone.*threads/);
});
