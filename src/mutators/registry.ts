import { UserError } from '../core/errors.ts';
import { parameterValues } from '../extensions/parameters.ts';
import { Registry, type ResolvedExtension } from '../extensions/registry.ts';
import { parseExtensionSpec } from '../extensions/spec.ts';
import { DOMAIN_LABELS, type InputDescriptor } from '../inputs/input-descriptor.ts';
import { clip } from './audio/clip.ts';
import { gain } from './audio/gain.ts';
import { noise } from './audio/noise.ts';
import { offset } from './audio/offset.ts';
import { resample } from './audio/resample.ts';
import { shift } from './audio/shift.ts';
import { silence } from './audio/silence.ts';
import { bright } from './corruption/bright.ts';
import { defocusBlur } from './corruption/defocus-blur.ts';
import { elastic } from './corruption/elastic.ts';
import { fog } from './corruption/fog.ts';
import { frost } from './corruption/frost.ts';
import { gaussianNoise } from './corruption/gaussian-noise.ts';
import { glassBlur } from './corruption/glass-blur.ts';
import { impulseNoise } from './corruption/impulse-noise.ts';
import { jpeg } from './corruption/jpeg.ts';
import { lowContrast } from './corruption/low-contrast.ts';
import { motionBlur } from './corruption/motion-blur.ts';
import { pixelate } from './corruption/pixelate.ts';
import { shotNoise } from './corruption/shot-noise.ts';
import { snow } from './corruption/snow.ts';
import { speckleNoise } from './corruption/speckle-noise.ts';
import { zoomBlur } from './corruption/zoom-blur.ts';
import { causal } from './flag/causal.ts';
import { flip } from './flag/flip.ts';
import { padding } from './flag/padding.ts';
import { blur } from './image/blur.ts';
import { brightness } from './image/brightness.ts';
import { contrast } from './image/contrast.ts';
import { cutout } from './image/cutout.ts';
import { gamma } from './image/gamma.ts';
import { mirror } from './image/mirror.ts';
import { rotate } from './image/rotate.ts';
import { shear } from './image/shear.ts';
import { spatial } from './image/spatial.ts';
import { translate } from './image/translate.ts';
import { zoom } from './image/zoom.ts';
import { latent } from './latent/latent.ts';
import { latentInterpolate } from './latent/latent-interpolate.ts';
import { raise } from './metamorphic/raise.ts';
import { reorder } from './metamorphic/reorder.ts';
import type { Mutator, MutatorKind } from './mutator.ts';
import { ascent } from './numeric/ascent.ts';
import { bisect } from './numeric/bisect.ts';
import { block } from './numeric/block.ts';
import { copy } from './numeric/copy.ts';
import { creep } from './numeric/creep.ts';
import { gaussian } from './numeric/gaussian.ts';
import { interpolate } from './numeric/interpolate.ts';
import { momentum } from './numeric/momentum.ts';
import { multiply } from './numeric/multiply.ts';
import { negate } from './numeric/negate.ts';
import { path } from './numeric/path.ts';
import { program } from './numeric/program.ts';
import { saltPepper } from './numeric/salt-pepper.ts';
import { special } from './numeric/special.ts';
import { splice } from './numeric/splice.ts';
import { square } from './numeric/square.ts';
import { uniform } from './numeric/uniform.ts';
import { values } from './numeric/values.ts';
import { loadMutatorPlugin } from './plugin.ts';
import { blend } from './string/blend.ts';
import { category } from './string/category.ts';
import { misspell } from './string/misspell.ts';
import { permute } from './string/permute.ts';
import { phrase } from './string/phrase.ts';
import { unusual } from './string/unusual.ts';
import { column } from './table/column.ts';
import { splitValue } from './table/split-value.ts';
import { letterCase } from './token/case.ts';
import { crossover } from './token/crossover.ts';
import { deletion } from './token/delete.ts';
import { dictionary } from './token/dictionary.ts';
import { duplicate } from './token/duplicate.ts';
import { homoglyph } from './token/homoglyph.ts';
import { hotflip } from './token/hotflip.ts';
import { insert } from './token/insert.ts';
import { keyboard } from './token/keyboard.ts';
import { repeat } from './token/repeat.ts';
import { substitute } from './token/substitute.ts';
import { swap } from './token/swap.ts';

/** Several mutators under one name. The first of a mix calibrates the threshold and stands in for those that lack a partner. */
export interface MutatorGroup {
  readonly name: string;
  readonly help: string;
  readonly kinds: readonly MutatorKind[];
}

const GEOMETRIC = [translate, rotate, zoom, shear, mirror];
const PHOTOMETRIC = [brightness, contrast, gamma, blur, cutout];

/** All built-in mutators, grouped by the inputs that they are for. */
export const MUTATOR_GROUPS: readonly MutatorGroup[] = [
  {
    name: 'numbers',
    help: 'numbers of any shape',
    kinds: [
      gaussian,
      uniform,
      creep,
      copy,
      path,
      square,
      ascent,
      saltPepper,
      values,
      block,
      multiply,
      negate,
      special,
      splice,
      interpolate,
      bisect,
      momentum,
    ],
  },
  { name: 'flags', help: 'switches', kinds: [flip, values, splice] },
  { name: 'masks', help: 'masks of zeros and ones', kinds: [flip, padding, causal, splice] },
  { name: 'images', help: 'changes that a camera makes', kinds: [...GEOMETRIC, ...PHOTOMETRIC] },
  {
    name: 'corruptions',
    help: 'the corruptions of ImageNet-C',
    kinds: [
      gaussianNoise,
      shotNoise,
      impulseNoise,
      speckleNoise,
      defocusBlur,
      glassBlur,
      motionBlur,
      zoomBlur,
      snow,
      frost,
      fog,
      bright,
      lowContrast,
      elastic,
      pixelate,
      jpeg,
    ],
  },
  {
    name: 'audio',
    help: 'samples of sound or another signal',
    kinds: [gain, offset, noise, silence, resample, clip, shift],
  },
  { name: 'tables', help: 'columns of tables, and inputs of decision trees', kinds: [column, splitValue] },
  {
    name: 'tokens',
    help: 'token ids',
    kinds: [substitute, insert, deletion, swap, duplicate, repeat, crossover, dictionary, hotflip],
  },
  { name: 'text', help: 'tokens with a known vocabulary', kinds: [keyboard, homoglyph, letterCase] },
  { name: 'strings', help: 'strings', kinds: [category, misspell, unusual, phrase, blend, permute] },
  {
    name: 'changes',
    help: 'changes that an answer must follow in a known way, for metamorphic objectives',
    kinds: [raise, reorder],
  },
  {
    name: 'latents',
    help: 'moves in the latent space of --encoder and --decoder, or of --generator',
    kinds: [latent, latentInterpolate],
  },
  {
    name: 'attacks',
    help: 'changes of the attacks of neurofuzz contest, and of neurofuzz reprogram',
    kinds: [square, spatial, program],
  },
];

/** The name of all mutators that fit an input. */
const ALL_MUTATORS = 'all';

/** The name that leaves an input as its ancestor seed has it. */
export const NO_MUTATOR = 'none';

/** The built-in mutators, and how specs of `--mutator` are resolved. */
export const MUTATORS = new Registry<MutatorKind>({
  flag: '--mutator',
  noun: 'mutator',
  kinds: [...new Set(MUTATOR_GROUPS.flatMap(({ kinds }) => kinds))],
  otherNames: [...MUTATOR_GROUPS.map(({ name }) => name), ALL_MUTATORS, NO_MUTATOR],
  listedBy: 'neurofuzz mutators',
  loadPlugin: loadMutatorPlugin,
});

/** A mutator with its parameters. Its spec names the mutator alone, also where a group was asked for. */
export type ConfiguredMutator = Pick<ResolvedExtension<MutatorKind>, 'spec' | 'kind' | 'values'> &
  Partial<Pick<ResolvedExtension<MutatorKind>, 'words'>>;

/** Whether a spec names several mutators, of which those that fit an input are used. */
export function isMutatorGroup(spec: string): boolean {
  return spec === ALL_MUTATORS || MUTATOR_GROUPS.some(({ name }) => name === spec);
}

/** Whether a mutator can work on an input. */
export function fitsInput(
  { kind, words }: Pick<ConfiguredMutator, 'kind' | 'words'>,
  input: InputDescriptor,
): boolean {
  return (
    kind.domains.some((domain) => input.domains.includes(domain)) && lackOf(kind, words, input) === undefined
  );
}

/** What an input of the right domain lacks for a mutator, as a clause for messages; undefined if nothing. */
function lackOf(
  { name, usesLatent }: MutatorKind,
  words: ConfiguredMutator['words'],
  { tokens, strings, isEncoded }: InputDescriptor,
): string | undefined {
  if (usesLatent === true && isEncoded !== true)
    return 'needs a latent space of this input: give --encoder and --decoder, or --generator';
  if (name === program.name && words?.file === undefined)
    return 'needs a program: program:file=program.npy, as neurofuzz reprogram writes it';
  if (name === dictionary.name && tokens?.dictionary.length === 0)
    return 'needs words: give some with --dictionary';
  if (name === category.name && strings?.words.length === 0)
    return 'needs strings, and neither the model nor the seeds list any: give some with --dictionary';
  if (name === phrase.name && strings?.areTexts === false)
    return 'is for texts of several words, and there are single ones';
  return undefined;
}

/**
 * The mutators of a spec: one such as `gaussian`, `gaussian:sigma=0.05` or `./own.js:amount=2`, or all of a group such as
 * `images`.
 *
 * @throws UserError on an unknown mutator or parameter, a value that is not legal, or a module without a mutator
 */
export async function resolveMutatorSpec(spec: string): Promise<readonly ConfiguredMutator[]> {
  if (spec === ALL_MUTATORS) return MUTATORS.list().map(withDefaults);
  const group = MUTATOR_GROUPS.find(({ name }) => name === spec);
  return group === undefined ? [await MUTATORS.resolve(spec)] : group.kinds.map(withDefaults);
}

function withDefaults(kind: MutatorKind): ConfiguredMutator {
  return { spec: kind.name, kind, values: parameterValues() };
}

/** Makes a mutator for an input. @throws UserError if it is for other kinds of inputs */
export function makeMutator(mutator: ConfiguredMutator, input: InputDescriptor): Mutator {
  const { kind, values, words } = mutator;
  if (!fitsInput(mutator, input)) {
    const wanted = kind.domains.map((domain) => DOMAIN_LABELS[domain]).join(' or ');
    const given = input.domains.map((domain) => DOMAIN_LABELS[domain]).join(', ') || 'none';
    const reason = lackOf(kind, words, input) ?? `is for ${wanted}, and input ${input.name} is ${given}`;
    throw new UserError(`--mutator: ${kind.name} ${reason}`);
  }
  return kind.make(values, input, words);
}

/** The default mix of an input, chosen by its domains; the plainest mutator comes first. */
export function defaultMutators(input: InputDescriptor): readonly ConfiguredMutator[] {
  const { domains } = input;
  const names = domains.includes('strings')
    ? ['strings']
    : domains.includes('tokens')
      ? ['tokens', 'text']
      : domains.includes('mask')
        ? ['masks']
        : domains.includes('flags')
          ? ['flags']
          : ['tables', 'numbers', 'images', 'audio'];
  return names
    .flatMap((name) => MUTATOR_GROUPS.find((group) => group.name === name)?.kinds ?? [])
    .filter((kind) => fitsInput({ kind }, input))
    .map(withDefaults);
}

/** Files that a mutator reads beside its module, by the path in its spec. @throws UserError on an invalid spec */
export function filesOfMutator(spec: string): readonly string[] {
  const ofInput = /^[^/\\:=]+=/.exec(spec) ?? [''];
  const plain = spec.slice(ofInput[0].length);
  const { name, isModule } = parseExtensionSpec(plain);
  if (isModule || name !== program.name) return [];
  const { file } = MUTATORS.resolveBuiltIn(plain).words;
  return file === undefined ? [] : [file];
}
