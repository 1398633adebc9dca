import type { Notices } from '../../campaign/resolve/model-settings.ts';
import { UserError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { Cup, joiningPaths } from './cup.ts';
import { Gallery } from './gallery.ts';
import { callsAllFake, type PlayerLine } from './games-file.ts';
import type { Field } from './models-cup.ts';
import { modelNames } from './names.ts';
import { checkUnchanged, isComplete, playAll, playerOf } from './rounds.ts';
import { recordedSettings } from './settings.ts';

/** Paths of those who play. */
export interface GeneratorSides {
  readonly generators: readonly string[];
  readonly discriminators: readonly string[];
}

/** Begins a tournament of generators and discriminators, and plays it to its end. */
export async function beginGeneratorCup(
  folder: string,
  sides: GeneratorSides,
  field: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  const { settings, seed } = field;
  const gallery = await Gallery.open(field, sides.generators[0], sides.discriminators[0], notices);
  const players = await newPlayers(sides, [], 0, gallery);
  refuseTooFewJudges(players);
  const header = {
    formatVersion: 1 as const,
    kind: 'settings' as const,
    seed,
    settings: recordedSettings(settings),
    inputs: [gallery.picture],
    classes: 0,
    seeds: [],
    leftOut: 0,
  };
  const cup = await Cup.begin(folder, header, players);
  return playOut(cup, gallery, field, notices, onProgress);
}

/** Continues a tournament of generators and discriminators, in which others may join. */
export async function resumeGeneratorCup(
  cup: Cup,
  sides: GeneratorSides,
  field: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  await checkUnchanged([...sides.generators, ...sides.discriminators], cup.players, field.pool);
  const joining = {
    generators: joiningPaths(sides.generators, cup.players, 'generator'),
    discriminators: joiningPaths(sides.discriminators, cup.players, 'discriminator'),
  };
  const joiners = joining.generators.length + joining.discriminators.length;
  if (joiners === 0 && isComplete(cup, field.settings)) return cup;
  const first = (kind: PlayerLine['plays']): string =>
    cup.players.find(({ plays }) => plays === kind)?.from ?? '';
  const gallery = await Gallery.open(field, first('generator'), first('discriminator'), notices);
  if (joiners > 0) {
    const names = cup.players.map(({ name }) => name);
    const joined = 1 + Math.max(...cup.players.map((player) => player.joined));
    const players = await newPlayers(joining, names, joined, gallery);
    refuseTooFewJudges([...cup.players, ...players]);
    await cup.join(players);
  }
  return playOut(cup, gallery, field, notices, onProgress);
}

async function playOut(
  cup: Cup,
  gallery: Gallery,
  { settings }: Field,
  notices: Notices,
  onProgress: OnProgress,
): Promise<Cup> {
  const discriminators = cup.players.filter(({ plays }) => plays === 'discriminator');
  if (discriminators.every(({ real }) => real === undefined))
    notices.warn(
      'without --real nobody knows whether a discriminator that wins is good, or calls everything fake',
    );
  await playAll(
    cup,
    settings,
    async ({ pairs, counts }, onDone) => {
      const requests = pairs.flatMap(({ first, second }, i) =>
        cup
          .gamesOf(cup.players[first].name, cup.players[second].name)
          .missing(counts[i])
          .map((range) => ({
            ...range,
            generator: playerOf(cup.players[first]),
            discriminator: playerOf(cup.players[second]),
          })),
      );
      let done =
        counts.reduce((sum, count) => sum + count, 0) -
        requests.reduce((sum, { from, to }) => sum + to - from, 0);
      onDone(done);
      await gallery.play(requests, async ({ generator, discriminator, from, to }, scores) => {
        await cup.record({
          kind: 'games',
          players: [generator.name, discriminator.name],
          from,
          seeds: scores.map((_, game) => from + game),
          scores: [...scores],
        });
        done += to - from;
        onDone(done);
      });
    },
    onProgress,
  );
  return cup;
}

/** Fewest discriminators that are rated. */
const MIN_JUDGES = 2;

/** @throws UserError where all discriminators but one, or all, call everything fake */
function refuseTooFewJudges(players: readonly PlayerLine[]): void {
  const judges = players.filter(({ plays }) => plays === 'discriminator');
  const strict = judges.filter(callsAllFake);
  if (judges.length - strict.length >= MIN_JUDGES) return;
  throw new UserError(
    `fewer than two discriminators are left to play: ${strict.map(({ name }) => name).join(', ')} ${strict.length === 1 ? 'calls' : 'call'} the real examples fake; name others with --discriminators, or other --real`,
  );
}

/** @throws UserError where a generator's output does not fit a discriminator's input */
async function newPlayers(
  { generators, discriminators }: GeneratorSides,
  taken: readonly string[],
  joined: number,
  gallery: Gallery,
): Promise<PlayerLine[]> {
  const firstNames = modelNames(generators, taken);
  const otherNames = modelNames(discriminators, [...taken, ...firstNames]);
  const lines: PlayerLine[] = [];
  for (const [i, path] of generators.entries())
    lines.push({
      ...line(firstNames[i], path, joined),
      plays: 'generator',
      sha256: await gallery.checkGenerator(path),
    });
  for (const [i, path] of discriminators.entries()) {
    const { sha256, real } = await gallery.checkDiscriminator(path);
    lines.push({
      ...line(otherNames[i], path, joined),
      plays: 'discriminator',
      sha256,
      ...(real === undefined ? {} : { real }),
    });
  }
  if (new Set(lines.map(({ name }) => name)).size < lines.length)
    throw new UserError('two players have one name: rename a file');
  return lines;
}

function line(name: string, path: string, joined: number) {
  return { kind: 'player' as const, name, from: path, input: null, joined };
}
