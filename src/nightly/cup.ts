import { createHash } from 'node:crypto';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { Notices } from '../campaign/resolve/model-settings.ts';
import type { NightlyCup } from '../config/nightly.ts';
import { makeFolder } from '../core/atomic-file.ts';
import { fileError, UserError } from '../core/errors.ts';
import { modelName } from '../core/model-name.ts';
import type { OnProgress } from '../core/progress.ts';
import { hasTournament } from '../model-commands/tournament/games-file.ts';
import type { RatedLine } from '../model-commands/tournament/ratings.ts';
import { runTournament } from '../model-commands/tournament/tournament.ts';
import { tournamentPageHtml } from '../report/html/tournament-page.tsx';
import { type CupRating, type CupResult, isWeakerThan } from './cup-result.ts';

/** Folder of the cup in the nightly folder. */
const CUP_FOLDER = 'cup';

/** Characters of a digest by which files of one name are told apart. */
const DIGEST_LENGTH = 8;

/**
 * Has tonight's model join the cup, with the last release where that is a new one, and compares the two. Models play as copies in the
 * cup's folder, which stay when the next night's model replaces the file.
 *
 * @param out the nightly folder
 * @throws UserError where a model or the settings do not fit the cup
 */
export async function playCup(
  out: string,
  { model, release, games, settings }: NightlyCup,
  notices: Notices,
  onProgress: OnProgress = () => {},
): Promise<CupResult> {
  const folder = join(out, CUP_FOLDER);
  const models = join(folder, 'models');
  await makeFolder(models, 'the folder of the cup');
  const [releaseCopy, modelCopy] = [await keep(release, models), await keep(model, models)];
  const resume = await hasTournament(folder);
  const { report } = await runTournament(
    {
      // A model that is the release joins no second time.
      models: resume ? [...new Set([releaseCopy, modelCopy])] : [releaseCopy, modelCopy],
      generators: [],
      discriminators: [],
      file: settings,
      flags: { out: folder },
      source: undefined,
      games: { games },
      sortedBy: 'bradley-terry',
      glicko2: { tau: 0.5, period: 100 },
      resume,
      overwrite: false,
    },
    notices,
    onProgress,
  );
  await writeFile(join(folder, 'tournament.html'), tournamentPageHtml(report));
  const playerOf = (path: string): RatedLine => {
    const found = report.players.find(({ from }) => from === path);
    if (found === undefined) throw new Error(`${path} did not play`);
    return found;
  };
  const [tonight, last] = [playerOf(modelCopy), playerOf(releaseCopy)];
  const isUnknown = tonight.group !== last.group;
  return {
    folder,
    model: ratingOf(tonight),
    release: ratingOf(last),
    isWeaker: !isUnknown && isWeakerThan(ratingOf(tonight), ratingOf(last)),
    isUnknown,
  };
}

function ratingOf({ name, bradleyTerry, winRate }: RatedLine): CupRating {
  const { rating, low, high, rank, isByPrior } = bradleyTerry;
  return { name, rating, low, high, rank, isByPrior, winRate };
}

/** Copies a model's file under a name with its digest, unless it is there; returns the path. */
async function keep(path: string, folder: string): Promise<string> {
  if (extname(path) !== '.onnx')
    throw new UserError(`cup: the models of a cup must be .onnx files, not ${path}`);
  try {
    const digest = createHash('sha256')
      .update(await readFile(path))
      .digest('hex');
    const copy = join(folder, `${modelName(path)}-${digest.slice(0, DIGEST_LENGTH)}.onnx`);
    await copyFile(path, copy);
    return copy;
  } catch (error) {
    throw fileError(error, 'read the model of the cup', path);
  }
}
