import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { beginning, CAMPAIGNS, differingFile, digestsOf, type SmallCampaign } from '../campaigns.ts';
import { damageFolder } from '../damage.ts';
import { brokenPromise, type Ending } from '../ending.ts';
import type { Lane } from '../lane.ts';
import type { HostileClass, Trial } from '../suite.ts';

/** Parts of a campaign's folder whose files have checksums: nothing that changed in them may pass in silence. */
const CHECKED = /^(corpus|findings|state)\//;

/** Words by which a command names damage. */
const NAMES_DAMAGE =
  /damage|cannot (be )?read|checksum|changed since|set aside|is missing|holds no|not written by/i;

/** One folder in so many goes through `report` and `replay` although nothing that they read is damaged. */
const REPORT_EVERY = 8;

/** What an undamaged campaign comes to. */
interface Undamaged {
  readonly campaign: SmallCampaign;
  readonly folder: string;
  readonly triage: string;
  /** Files once it is resumed. */
  readonly resumed: ReadonlyMap<string, string>;
}

/** Campaign folders with a damaged file, through the commands that read them. */
export const damagedFolders: HostileClass = {
  name: 'damage',
  trials: 400,
  async prepare(folder, lane) {
    const undamaged: Undamaged[] = [];
    for (const campaign of CAMPAIGNS) {
      const path = join(folder, campaign.name);
      await undisturbed(lane, [...beginning(campaign, path), '--quiet']);
      // As deep as the folders of trials: paths in it are relative.
      const copy = join(folder, 'undamaged');
      cpSync(path, copy, { recursive: true });
      const { stdout } = await undisturbed(lane, ['triage', copy]);
      await undisturbed(lane, resuming(campaign, copy));
      undamaged.push({
        campaign,
        folder: path,
        triage: stdout.replaceAll(copy, '@'),
        resumed: digestsOf(copy),
      });
      rmSync(copy, { recursive: true });
    }
    return damagedFolder(undamaged);
  },
};

function resuming({ execs }: SmallCampaign, folder: string): string[] {
  return ['fuzz', '--resume', '-o', folder, '-n', String(2 * execs), '-j', '1', '--log-level', 'warn'];
}

/** @throws Error where a command fails on an undamaged folder: nothing would be told by the trials */
async function undisturbed(lane: Lane, args: readonly string[]): Promise<Ending> {
  const ending = await lane.command(args);
  const broken = brokenPromise(ending, [0, 1]);
  if (broken !== undefined) throw new Error(`undamaged, ${args[0]}: ${broken}`);
  return ending;
}

function damagedFolder(undamaged: readonly Undamaged[]): Trial {
  return async (random, lane, folder) => {
    const { campaign, folder: original, triage, resumed } = undamaged[random.below(undamaged.length)];
    const path = join(folder, 'campaign');
    cpSync(original, path, { recursive: true });
    const { kind, file } = damageFolder(path, random);
    // Reports and replays read what triage reads: where no finding is damaged, a few of them do.
    const isRead = /^findings|^campaign\.yaml/.test(file) || random.below(REPORT_EVERY) === 0;
    const commands = [
      ['triage', path],
      ...(isRead
        ? [
            ['report', path, '-o', join(folder, 'report')],
            ['replay', path],
          ]
        : []),
      resuming(campaign, path),
    ];
    const broken: string[] = [];
    let [isNamed, changed] = [false, ''];
    for (const args of commands) {
      const ending = await lane.command(args);
      const failure = brokenPromise(ending, [0, 1, 2]);
      if (failure !== undefined) broken.push(`${args[0]}: ${failure}`);
      isNamed ||= ending.code === 2 || NAMES_DAMAGE.test(ending.stderr) || NAMES_DAMAGE.test(ending.stdout);
      if (args[0] === 'triage' && ending.stdout.replaceAll(path, '@') !== triage)
        changed = 'triage lists others';
    }
    const differing = differingFile(digestsOf(path), resumed, file);
    if (differing !== undefined) changed ||= `resumed, ${differing} differs`;
    if (CHECKED.test(file) && changed !== '' && !isNamed)
      broken.push(`${changed}, and nothing names the damage`);
    return {
      what: `${campaign.name}: ${file} ${kind}`,
      commands: commands.length,
      failure: broken[0],
    };
  };
}
