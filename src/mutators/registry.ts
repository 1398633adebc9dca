import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import { parseModuleSpec } from '../extensions/spec.ts';
import { DOMAIN_LABELS, type InputDescriptor } from '../inputs/input-descriptor.ts';
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
import { flip } from './flag/flip.ts';
import { blur } from './image/blur.ts';
import { brightness } from './image/brightness.ts';
import { contrast } from './image/contrast.ts';
import { cutout } from './image/cutout.ts';
import { gamma } from './image/gamma.ts';
import { mirror } from './image/mirror.ts';
import { rotate } from './image/rotate.ts';
import { shear } from './image/shear.ts';
import { translate } from './image/translate.ts';
import { zoom } from './image/zoom.ts';
import { raise } from './metamorphic/raise.ts';
import { reorder } from './metamorphic/reorder.ts';
import type { Mutator, MutatorKind, Parameter } from './mutator.ts';
import { bisect } from './numeric/bisect.ts';
import { block } from './numeric/block.ts';
import { gaussian } from './numeric/gaussian.ts';
import { interpolate } from './numeric/interpolate.ts';
import { momentum } from './numeric/momentum.ts';
import { multiply } from './numeric/multiply.ts';
import { negate } from './numeric/negate.ts';
import { saltPepper } from './numeric/salt-pepper.ts';
import { special } from './numeric/special.ts';
import { splice } from './numeric/splice.ts';
import { uniform } from './numeric/uniform.ts';
import { values } from './numeric/values.ts';
import { loadMutatorPlugin } from './plugin.ts';
import { column } from './table/column.ts';
import { letterCase } from './token/case.ts';
import { crossover } from './token/crossover.ts';
import { deletion } from './token/delete.ts';
import { dictionary } from './token/dictionary.ts';
import { duplicate } from './token/duplicate.ts';
import { homoglyph } from './token/homoglyph.ts';
import { insert } from './token/insert.ts';
import { keyboard } from './token/keyboard.ts';
import { repeat } from './token/repeat.ts';
import { substitute } from './token/substitute.ts';
import { swap } from './token/swap.ts';

/** Several mutators under one name. The first one of a mix is what calibrates and what takes another's place. */
export interface MutatorGroup {
  readonly name: string;
  readonly help: string;
  readonly kinds: readonly MutatorKind[];
}

const GEOMETRIC = [translate, rotate, zoom, shear, mirror];
const PHOTOMETRIC = [brightness, contrast, gamma, blur, cutout];

/** Every mutator there is, by what it is for. */
export const MUTATOR_GROUPS: readonly MutatorGroup[] = [
  {
    name: 'numbers',
    help: 'numbers of any shape',
    kinds: [
      gaussian,
      uniform,
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
  { name: 'tables', help: 'columns of tables', kinds: [column] },
  {
    name: 'tokens',
    help: 'token ids',
    kinds: [substitute, insert, deletion, swap, duplicate, repeat, crossover, dictionary],
  },
  { name: 'text', help: 'tokens whose vocabulary is known', kinds: [keyboard, homoglyph, letterCase] },
  {
    name: 'changes',
    help: 'changes that an answer must follow in a known way, for metamorphic objectives',
    kinds: [raise, reorder],
  },
];

/** Every mutator there is. */
export const MUTATORS: readonly MutatorKind[] = [...new Set(MUTATOR_GROUPS.flatMap(({ kinds }) => kinds))];

/** All that fit an input. */
export const ALL_MUTATORS = 'all';

/** What leaves an input as its ancestor seed has it. */
export const NO_MUTATOR = 'none';

/** A mutator that was asked for, with its parameters. */
export interface ConfiguredMutator {
  /** As it was asked for, without the groups: gives the same again. */
  readonly spec: string;
  readonly kind: MutatorKind;
  /** Values of parameters that differ from their defaults. */
  readonly values: ReadonlyMap<string, number>;
}

/** Whether a spec stands for several mutators, of which those are meant that fit. */
export function isMutatorGroup(spec: string): boolean {
  return spec === ALL_MUTATORS || MUTATOR_GROUPS.some(({ name }) => name === spec);
}

/** Whether a mutator can work on an input. */
export function fitsInput({ domains, name }: MutatorKind, input: InputDescriptor): boolean {
  if (name === dictionary.name && (input.tokens?.dictionary.length ?? 0) === 0) return false;
  return domains.some((domain) => input.domains.includes(domain));
}

/**
 * The mutators of a spec: one such as `gaussian`, `gaussian:sigma=0.05` or `./own.js:amount=2`, or a group such as
 * `images`. `all` stands for every one.
 *
 * @throws UserError on an unknown mutator or parameter, a value that makes no sense, or a plug-in that is none
 */
export async function resolveMutatorSpec(spec: string): Promise<readonly ConfiguredMutator[]> {
  const module = parseModuleSpec(spec);
  const [name, ...rest] = module === undefined ? spec.split(':') : [module.path, module.parameters];
  const group = name === ALL_MUTATORS ? MUTATORS : MUTATOR_GROUPS.find((one) => one.name === name)?.kinds;
  if (group !== undefined && rest.length === 0)
    return group.map((kind) => ({ spec: kind.name, kind, values: new Map() }));
  const kind =
    module !== undefined ? await loadMutatorPlugin(name) : MUTATORS.find((one) => one.name === name);
  if (kind === undefined) {
    const names = [...MUTATORS, ...MUTATOR_GROUPS].map((one) => one.name);
    throw new UserError(
      `--mutator: unknown mutator ${name}: ${suggestName(name, [...names, ALL_MUTATORS, NO_MUTATOR])}; neurofuzz mutators lists them`,
    );
  }
  return [{ spec, kind, values: parseParameters(name, kind, rest.join(':')) }];
}

function parseParameters(name: string, kind: MutatorKind, text: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const part of text.split(',').filter(Boolean)) {
    const [key, given = ''] = part.split('=', 2);
    const parameter = kind.parameters.find((candidate) => candidate.name === key);
    if (parameter === undefined) {
      const known = kind.parameters.map((candidate) => candidate.name);
      throw new UserError(`--mutator: ${name} has no parameter ${key}: ${suggestName(key, known)}`);
    }
    const value = given.trim() === '' ? Number.NaN : Number(given);
    const [low, high] = parameter.between;
    if (!(value > low && value < high)) {
      throw new UserError(
        `--mutator: ${name}:${key} must be a number between ${low} and ${high}, not '${given}'`,
      );
    }
    values.set(key, value);
  }
  return values;
}

/**
 * Makes a mutator for an input.
 *
 * @throws UserError where it is for other kinds of inputs
 */
export function makeMutator({ kind, values }: ConfiguredMutator, input: InputDescriptor): Mutator {
  if (!fitsInput(kind, input)) {
    const wanted = kind.domains.map((domain) => DOMAIN_LABELS[domain]).join(' or ');
    const why =
      kind.name === dictionary.name && input.tokens !== undefined
        ? 'needs words: give some with --dictionary'
        : `is for ${wanted}, and input ${input.name} is ${input.domains.map((domain) => DOMAIN_LABELS[domain]).join(', ') || 'none'}`;
    throw new UserError(`--mutator: ${kind.name} ${why}`);
  }
  return kind.make((parameter: Parameter) => values.get(parameter.name) ?? parameter.default, input);
}

/** The mutators of an input for which none are asked: those for what it looks like, the plainest first. */
export function defaultMutators(input: InputDescriptor): readonly ConfiguredMutator[] {
  const { domains } = input;
  const names = domains.includes('tokens')
    ? ['tokens', 'text']
    : domains.includes('flags')
      ? ['flags']
      : ['tables', 'numbers', 'images'];
  return names
    .flatMap((name) => MUTATOR_GROUPS.find((group) => group.name === name)?.kinds ?? [])
    .filter((kind) => fitsInput(kind, input))
    .map((kind) => ({ spec: kind.name, kind, values: new Map() }));
}
