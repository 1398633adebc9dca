import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Random } from '../../../src/core/random.ts';
import { beginning, CAMPAIGNS, differingFile, digestsOf, type SmallCampaign } from '../campaigns.ts';
import { brokenPromise, type Ending } from '../ending.ts';
import { KilledCommand, runCommand } from '../killed-command.ts';
import type { HostileClass, Trial } from '../suite.ts';

/** What a campaign comes to that nothing disturbs. */
interface Undisturbed {
  readonly campaign: SmallCampaign;
  readonly code: number | null;
  readonly files: ReadonlyMap<string, string>;
  readonly seconds: number;
  /** Calls of the file system in the main process that write. */
  readonly calls: number;
}

/** Errors of the system that a call may fail with. */
const ERRORS = ['ENOSPC', 'EIO', 'EMFILE', 'EROFS', 'EDQUOT'];

/** Campaigns that are killed at a random moment or at a call of the file system, as a whole or one process of it, and resumed. */
export const kills: HostileClass = {
  name: 'kills',
  trials: 150,
  prepare: async (folder) => killedCampaign(await undisturbedOnce(folder)),
};

/** Campaigns in which a call of the file system fails, once or from then on, and which are resumed. */
export const failedCalls: HostileClass = {
  name: 'failed-calls',
  trials: 60,
  prepare: async (folder) => failedCall(await undisturbedOnce(folder)),
};

let prepared: Promise<Undisturbed[]> | undefined;

/** Both classes disturb the same campaigns. */
function undisturbedOnce(folder: string): Promise<Undisturbed[]> {
  prepared ??= undisturbed(folder);
  return prepared;
}

async function undisturbed(folder: string): Promise<Undisturbed[]> {
  const results: Undisturbed[] = [];
  for (const campaign of CAMPAIGNS) {
    const out = join(folder, campaign.name);
    const countFile = join(folder, `${campaign.name}.calls`);
    const start = performance.now();
    const { code } = await runCommand([...beginning(campaign, out), '--quiet'], { countFile });
    const seconds = (performance.now() - start) / 1000;
    results.push({
      campaign,
      code,
      files: digestsOf(out),
      seconds,
      calls: Number(readFileSync(countFile, 'utf8')),
    });
  }
  return results;
}

function killedCampaign(campaigns: readonly Undisturbed[]): Trial {
  return async (random, _lane, folder) => {
    const { campaign, code, files, seconds, calls } = campaigns[random.below(campaigns.length)];
    const out = join(folder, 'campaign');
    const jobs = 1 + random.below(2);
    const ways = [killMain, killAll, killWorker, killWorker];
    const moment = 1000 * seconds * random.uniform();
    let commands = 0;
    const notes: string[] = [];
    let ending: Ending = { code: null, stdout: '', stderr: '' };
    // Killed once or twice; the last run is left to its end.
    for (let left = 1 + random.below(2); ; left--) {
      const args = existsSync(join(out, 'campaign.yaml'))
        ? ['fuzz', '--resume', '-o', out, '-j', String(jobs), '--quiet']
        : [...beginning(campaign, out, jobs), '--quiet'];
      commands++;
      if (left <= 0) {
        ending = await runCommand(args);
        break;
      }
      const atCall = random.below(3) === 0;
      const command = new KilledCommand(args, atCall ? { action: 'kill', at: 1 + random.below(calls) } : {});
      if (atCall) notes.push('killed at a call');
      else notes.push(await ways[random.below(ways.length)](command, moment, random));
      ending = await command.end();
      if (!(await command.leavesNothing()))
        return {
          what: label(campaign, jobs, notes),
          commands,
          failure: 'a process lives on after the command',
        };
      if (ending.code !== null) break;
    }
    const what = label(campaign, jobs, notes);
    return { what, commands, failure: difference(ending, out, code, files) };
  };
}

function label({ name }: SmallCampaign, jobs: number, notes: readonly string[]): string {
  return `${name} on ${jobs}: ${notes.join(', ')}`;
}

/** How a campaign that was disturbed differs from one that was not. */
function difference(
  ending: Ending,
  out: string,
  code: number | null,
  files: ReadonlyMap<string, string>,
): string | undefined {
  const broken = brokenPromise(ending, [0, 1]);
  if (broken !== undefined) return broken;
  if (ending.code !== code) return `exit ${ending.code} in place of ${code}`;
  const file = differingFile(digestsOf(out), files);
  return file && `${file} differs, or is in one of the two alone`;
}

type Kill = (command: KilledCommand, moment: number, random: Random) => Promise<string>;

const killMain: Kill = async (command, moment) => {
  await waitFor(command, moment);
  command.kill('SIGKILL');
  return `main process killed at ${Math.round(moment)} ms`;
};

const killAll: Kill = async (command, moment) => {
  await waitFor(command, moment);
  command.killGroup('SIGKILL');
  return `all processes killed at ${Math.round(moment)} ms`;
};

const killWorker: Kill = async (command, moment, random) => {
  await waitFor(command, moment);
  const signal = random.below(3) === 0 ? 'SIGTERM' : 'SIGKILL';
  const children = childrenOf(command.pid);
  if (children.length > 0) {
    try {
      process.kill(children[random.below(children.length)], signal);
    } catch {
      // It has ended by itself.
    }
  }
  return `a process of ${children.length} got ${signal} at ${Math.round(moment)} ms`;
};

async function waitFor(command: KilledCommand, moment: number): Promise<void> {
  for (const end = performance.now() + moment; performance.now() < end && !command.isOver; await pause(5));
}

function childrenOf(pid: number): number[] {
  try {
    return execFileSync('pgrep', ['-P', String(pid)], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number);
  } catch {
    return [];
  }
}

function failedCall(campaigns: readonly Undisturbed[]): Trial {
  return async (random, _lane, folder) => {
    const { campaign, code, files, calls } = campaigns[random.below(campaigns.length)];
    const out = join(folder, 'campaign');
    const error = ERRORS[random.below(ERRORS.length)];
    const at = 1 + random.below(calls);
    const stays = random.below(2) === 0;
    const what = `${campaign.name}: ${error} at call ${at}${stays ? ' and all after it' : ''}`;
    const ending = await runCommand([...beginning(campaign, out), '--quiet'], { action: error, at, stays });
    const broken = brokenPromise(ending, [0, 1, 2, 3]);
    if (broken !== undefined) return { what, commands: 1, failure: broken };
    if (ending.code === 0 || ending.code === 1)
      return { what, commands: 1, failure: difference(ending, out, code, files) };
    const args = existsSync(join(out, 'campaign.yaml'))
      ? ['fuzz', '--resume', '-o', out, '-j', '1', '--quiet']
      : [...beginning(campaign, out), '--quiet'];
    const again = await runCommand(args);
    const failure = difference(again, out, code, files);
    return { what, commands: 2, failure: failure && `once resumed: ${failure}` };
  };
}
