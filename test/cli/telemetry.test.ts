import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { HANGS } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { writeLogOnnx } from '../support/models.ts';

const folder = testFolder();
const model = writeLogOnnx(folder);

/** Files that a script leaves in the folders of the user and in the temporary one. */
async function filesLeftBy(
  name: string,
  args: readonly string[],
  telemetry: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const home = join(folder, name);
  const folders = { HOME: 'home', XDG_CACHE_HOME: 'cache', XDG_STATE_HOME: 'state', TMPDIR: 'tmp' };
  // Nothing else is passed on: where a variable tells that this is CI, the runtime has no telemetry in any case.
  const env: Record<string, string> = { PATH: process.env.PATH ?? '' };
  for (const [variable, inner] of Object.entries(folders)) {
    mkdirSync(join(home, inner), { recursive: true });
    env[variable] = join(home, inner);
  }
  const child = spawn(process.execPath, args, { env: { ...env, ...telemetry }, stdio: 'ignore' });
  const [code] = (await once(child, 'close')) as [number];
  expect([0, 1]).toContain(code);
  return readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath.slice(home.length + 1), entry.name));
}

const launcher = resolve('bin/neurofuzz.js');
const campaign = ['-n', '64', '-j', '1', '--range=-1,1', '--quiet', '--out', join(folder, 'campaign')];

test(
  'inspect and fuzz leave no file of ONNX Runtime behind, nor does code that loads a model within its own process',
  async () => {
    const loading = `const { loadModel } = await import(${JSON.stringify(resolve('dist/src/model/formats/registry.js'))});
      await (await loadModel(${JSON.stringify(model)}, { runtime: 'auto' })).dispose();`;
    const left = await Promise.all([
      filesLeftBy('inspect', [launcher, 'inspect', model]),
      filesLeftBy('fuzz', [launcher, 'fuzz', model, ...campaign]),
      filesLeftBy('import', ['--input-type=module', '-e', loading]),
    ]);
    expect(left).toEqual([[], [], []]);
  },
  HANGS,
);

test(
  'whoever sets the variable to 0 has the telemetry, whose files are then seen',
  async () => {
    const left = await filesLeftBy('on', [launcher, 'inspect', model], { ORT_DISABLE_TELEMETRY: '0' });
    expect(left.filter((path) => path.includes('onnxruntime'))).not.toEqual([]);
  },
  HANGS,
);
