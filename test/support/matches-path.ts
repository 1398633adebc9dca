import { spawnSync } from 'node:child_process';

/** Whether a pattern of paths, as actions/upload-artifact takes it, matches one that exists. */
export function matchesPath(pattern: string): boolean {
  return spawnSync('bash', ['-c', `compgen -G '${pattern}'`]).status === 0;
}
