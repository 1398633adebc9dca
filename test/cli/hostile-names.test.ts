import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ModelProto } from '../../src/model/formats/onnx/proto.ts';
import { encodeNpy } from '../../src/tensor/npy.ts';
import { neurofuzz } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { guessIn } from '../support/guesses.ts';

const folder = testFolder();

/**
 * What a terminal acts on: an escape sequence, a bell, a line that looks like another, marks of direction and width, a C1
 * control, a separator, a tag beyond the basic plane.
 */
const HOSTILE = '\u001b[31m\u0007\r\nSPOOFED\u202e\u2066\u200b\u200e\u009b1m\u2028\u{e0041}\t';

/** Any of these, but for the line feeds of the output itself. */
const CONTROL = /[^\n\P{Cc}]|[\p{Cf}\p{Zl}\p{Zp}\p{Co}]/u;

const name = (part: string): string => `${part}${HOSTILE}`;

const value = (part: string) => ({
  name: name(part),
  docString: HOSTILE,
  type: {
    tensorType: { elemType: 1, shape: { dim: [{ dimParam: name('batch') }, { dimValue: 4 }] } },
    denotation: HOSTILE,
  },
});

/** y = log(x + 1), every name of which is hostile. */
function writeModel(): string {
  const domain = name('domain');
  const node = (opType: string, input: string, output: string, domain = '') => ({
    opType,
    domain,
    name: name(opType),
    input: [name(input)],
    output: [name(output)],
    docString: HOSTILE,
  });
  const model = {
    irVersion: 9,
    producerName: HOSTILE,
    producerVersion: HOSTILE,
    domain,
    docString: HOSTILE,
    metadataProps: [{ key: HOSTILE, value: HOSTILE }],
    opsetImport: [
      { domain: '', version: 17 },
      { domain, version: 1 },
    ],
    graph: {
      name: HOSTILE,
      docString: HOSTILE,
      input: [value('x')],
      output: [value('y')],
      node: [
        node('Neg', 'x', 'negated'),
        node(name('Twice'), 'negated', 'twice', domain),
        node('Log', 'twice', 'y'),
      ],
    },
    functions: [
      {
        name: name('Twice'),
        domain,
        input: ['a'],
        output: ['b'],
        opsetImport: [{ domain: '', version: 17 }],
        node: [{ opType: 'Add', input: ['a', 'a'], output: ['b'] }],
      },
    ],
  };
  const home = join(folder, name('models'));
  mkdirSync(home);
  const path = join(home, `${HOSTILE}.onnx`);
  writeFileSync(path, ModelProto.encode(ModelProto.fromObject(model)).finish());
  return path;
}

const model = writeModel();
const seeds = join(folder, 'seeds.npy');
writeFileSync(
  seeds,
  encodeNpy({
    type: 'float32',
    shape: [2, 4],
    data: Float32Array.of(-1, -0.5, -1, -0.5, -0.5, -1, -0.5, -1),
  }),
);
const out = join(folder, name('campaign'));

function expectPrintable(text: string): void {
  expect(CONTROL.exec(text)).toBeNull();
  expect(text).not.toMatch(/^\s*SPOOFED/m);
}

async function printable(args: readonly string[], codes: readonly number[]): Promise<string> {
  const { code, stdout, stderr } = await neurofuzz(args);
  expectPrintable(stdout);
  expectPrintable(stderr);
  if (!codes.includes(code ?? -1)) throw new Error(`exit code ${code}: ${stderr}`);
  return stdout;
}

describe('no control character and no mark of direction comes to a terminal out of a name', () => {
  test('inspect', async () => {
    expect(await printable(['inspect', model], [0])).toContain('\\u{1B}[31m\\u{7}\\r\\nSPOOFED\\u{202E}');
    await printable(['inspect', model, '--sites', '--all', '--seeds', seeds], [0]);
    const inspection = JSON.parse(await printable(['inspect', model, '--json'], [0])) as {
      readonly inputs: readonly { readonly name: string }[];
    };
    expect(inspection.inputs.map((input) => input.name)).toEqual([name('x')]);
  });

  test('init, whose file holds the names as they are', async () => {
    const file = join(folder, 'campaign.yaml');
    await printable(['init', model, '--out', file], [0]);
    const text = readFileSync(file, 'utf8');
    expectPrintable(text);
    const mutator = guessIn(text, 'mutator') as object;
    expect(Object.keys(mutator)).toEqual([name('x')]);
  });

  test('quantize and compare', async () => {
    const copy = join(folder, `${name('copy')}.onnx`);
    await printable(['quantize', model, '--to', 'float16', '--out', copy], [0]);
    await printable(['compare', model, copy, '--seeds', seeds], [0, 1]);
    await printable(['compare', model, copy, '--seeds', seeds, '--json'], [0, 1]);
  });

  test('fuzz, triage, replay, minimize and each kind of report', async () => {
    const campaign = ['fuzz', model, '--seeds', seeds, '--range=-1,1', '-n', '256', '-s', '1'];
    await printable([...campaign, '--out', out], [1]);
    await printable([...campaign, '--out', `${out}-json`, '--json'], [1]);
    await printable(['triage', out], [1]);
    await printable(['triage', out, '--json'], [1]);
    await printable(['replay', out], [1]);
    await printable(['minimize', '--all', out, '--tries', '10'], [0]);
    const reports = ['html', 'xml', 'sarif', 'md', 'comment'].map((type) => join(folder, `report.${type}`));
    const [html, junit, sarif, markdown, comment] = reports;
    await printable(
      [
        'report',
        out,
        '--out',
        html,
        '--junit',
        junit,
        '--sarif',
        sarif,
        '--markdown',
        markdown,
        '--comment',
        comment,
      ],
      [0],
    );
    for (const path of reports) {
      const text = readFileSync(path, 'utf8');
      expect(CONTROL.exec(text)).toBeNull();
      expect(text).toContain('202');
    }
    for (const path of [markdown, comment]) expectPrintable(readFileSync(path, 'utf8'));
  });

  test.each([
    ['a model that is none', [`${HOSTILE}.json`]],
    ['an input that is none', [model, '--range', `${HOSTILE}=0,1`]],
    ['a tensor that is none', [model, '--coverage', HOSTILE]],
    ['seeds that are none', [model, '--seeds', join(folder, HOSTILE)]],
    ['a flag that is none', [model, `--${HOSTILE}`]],
    ['a runtime that is none', [model, '--runtime', HOSTILE]],
  ])('refusals that quote %s', async (_, args) => {
    await printable(['fuzz', ...args, '--out', join(folder, 'refused')], [2]);
  });
});
