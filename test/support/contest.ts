import { join } from 'node:path';
import { neurofuzz } from './command.ts';

/** Runs `contest` with a seed, each time in a folder of its own, on one worker where no number is given. */
export function contestIn(folder: string) {
  let runs = 0;
  return async (args: readonly string[]) => {
    const out = join(folder, `out-${runs++}`);
    // Each worker is a process more.
    const jobs = args.includes('-j') ? [] : ['-j', '1'];
    const all = ['contest', ...args, ...jobs, '-s', '1', '-o', out, '--json'];
    const { code, stdout, stderr } = await neurofuzz(all);
    return { code, stderr, out, report: stdout === '' ? undefined : JSON.parse(stdout) };
  };
}
