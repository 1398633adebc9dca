// Installs missing packages and builds the project, so that `npm start` and `npm test` work in a fresh clone.
// Runs before any package is installed, so it may import built-in modules of Node.js only.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

const modifiedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

// ONNX Runtime's package would download its CUDA libraries, some hundred megabytes. Later versions of npm read that from allowScripts in
// package.json; an entry of .npmrc would make them warn.
const env = { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env };

function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', 2, 2],
    env,
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  process.stderr.write(`setup: ${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}\n`);
  process.exit(3);
}

if (modifiedAt('node_modules/.package-lock.json') < modifiedAt('package-lock.json'))
  run('npm', ['ci', '--loglevel=error']);
run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
run(process.execPath, ['scripts/bundle.js']);
