/**
 * Hostile use, at random from a seed: campaigns that are killed at any moment, whose calls of the file system fail, whose folders
 * are damaged; changed models, seed files and configurations. Prints a JSON line for each trial that failed and one for each class
 * with what was tried, what held and what failed; ends with 1 where something failed.
 *
 *   npm run test:hostile -- --only damage --seed 7 --from 120 --trials 1
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { line, withFolder } from '../campaign.ts';
import { changedModels } from './classes/changed-models.ts';
import { configurations } from './classes/configurations.ts';
import { damagedFolders } from './classes/damaged-folders.ts';
import { failedCalls, kills } from './classes/kills.ts';
import { seedFiles } from './classes/seed-files.ts';
import { Lane } from './lane.ts';
import { type HostileClass, runClass } from './suite.ts';

const CLASSES: readonly HostileClass[] = [
  kills,
  failedCalls,
  damagedFolders,
  changedModels,
  seedFiles,
  configurations,
];

const { values: options } = parseArgs({
  options: {
    /** Classes to run, separated by commas. */
    only: { type: 'string', default: CLASSES.map(({ name }) => name).join() },
    seed: { type: 'string', default: '1' },
    /** Number of the first trial of each class. */
    from: { type: 'string', default: '0' },
    /** Trials of each class; what each class has by default. */
    trials: { type: 'string' },
    /** Limit on the whole run. A class that is cut short by it says how many trials it made. */
    seconds: { type: 'string', default: '600' },
    lanes: { type: 'string', default: String(availableParallelism()) },
  },
});

const chosen = CLASSES.filter(({ name }) => options.only.split(',').includes(name));
if (chosen.length === 0) throw new Error(`--only: no class ${options.only}`);
const start = performance.now();
const end = start + 1000 * Number(options.seconds);
let failures = 0;

await withFolder(async (root) => {
  const lanes = Array.from({ length: Number(options.lanes) }, () => new Lane());
  for (const [i, { name, trials, prepare }] of chosen.entries()) {
    const began = performance.now();
    const prepared = join(root, name);
    await mkdir(prepared, { recursive: true });
    const trial = await prepare(prepared, lanes[0]);
    const counts = await runClass(name, trial, {
      seed: options.seed,
      from: Number(options.from),
      trials: options.trials === undefined ? trials : Number(options.trials),
      lanes,
      // What is left is shared by the classes that are left.
      deadline: began + (end - began) / (chosen.length - i),
      async withFolder(work) {
        const folder = await mkdtemp(join(root, 'trial-'));
        try {
          return await work(folder);
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
      },
      onFailure: (failed) => line({ suite: 'hostile', class: name, seed: options.seed, ...failed }),
    });
    failures += counts.failed;
    const seconds = Math.round((performance.now() - began) / 1000);
    line({ suite: 'hostile', class: name, seed: options.seed, ...counts, seconds });
  }
  for (const lane of lanes) lane.close();
});

if (failures > 0) process.exitCode = 1;
