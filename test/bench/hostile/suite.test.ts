import { spawn } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { HANGS } from '../../support/command.ts';

/** A short form of `npm run test:hostile`. */
function run(...args: readonly string[]): Promise<{ code: number | null; lines: Record<string, unknown>[] }> {
  const child = spawn(
    process.execPath,
    ['dist/bench/hostile/index.js', '--seconds', String(HANGS / 1000), ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (code) =>
      done({
        code,
        lines: stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      }),
    );
  });
}

describe('hostile use', () => {
  it.each([
    ['kills,failed-calls', 3],
    ['damage', 6],
    ['models', 20],
    ['seeds', 8],
    ['configurations', 8],
  ])('%s: what is promised holds in %i trials', async (name, trials) => {
    const { code, lines } = await run('--only', name, '--trials', String(trials), '--lanes', '1');
    expect(lines).toEqual(
      name
        .split(',')
        .map((one) => expect.objectContaining({ class: one, tried: trials, held: trials, failed: 0 })),
    );
    expect(code).toBe(0);
  });
});
