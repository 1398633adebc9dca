#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/processes/main.js', import.meta.url);
if (existsSync(main)) {
  const { run } = await import(main.href);
  await run(process.argv);
} else {
  process.stderr.write('neurofuzz is not built: run npm run setup in its folder\n');
  process.exitCode = 3;
}
