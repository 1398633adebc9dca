import type { Domain, InputDescriptor } from '../../inputs/input-descriptor.ts';
import type { Seeds } from '../../inputs/seeds.ts';
import type { InputSpec } from '../../model/model.ts';
import type { DType } from '../../tensor/tensor.ts';
import type { InputRanges } from './infer-ranges.ts';
import type { InputSettings } from './input-settings.ts';
import { stringDescriptor } from './strings.ts';
import { type TokenPlan, tokenDescriptor } from './tokens.ts';

/**
 * Describes each input to mutators and constraints, in the model's order.
 *
 * @param fixedMasks by input, 1 at each position that is never mutated
 * @param isEncoded whether there is a latent space of an input of numbers
 */
export function describeInputs(
  { testcaseInputs, inferredInputs, tokens, strings, dictionaries }: InputSettings,
  seeds: Seeds,
  { ranges, tables, imageFormats }: InputRanges,
  fixedMasks: readonly (Uint8Array | undefined)[],
  isEncoded: (input: InputSpec) => boolean = () => false,
): InputDescriptor[] {
  return testcaseInputs.map((input, i): InputDescriptor => {
    const { name, type } = input;
    const plan = tokens[i];
    const { splits } = inferredInputs[i];
    const ofTokens = plan === undefined ? undefined : tokenDescriptor(plan, dictionaries[i], seeds, i);
    return {
      name,
      type,
      domains:
        strings[i] !== undefined
          ? ['strings']
          : domainsOf(type, plan, {
              image: imageFormats[i] !== undefined,
              audio: inferredInputs[i].kind === 'audio',
              table: tables[i] !== undefined,
              splits: splits !== undefined,
              mask: inferredInputs[i].kind === 'mask',
            }),
      size: Math.max(ofTokens?.length[1] ?? 0, ...seeds.map(({ inputs }) => inputs[i].length)),
      range: ranges[i],
      picture: imageFormats[i],
      columns: tables[i]?.columns,
      fixed: fixedMasks[i],
      ...(plan === undefined && strings[i] === undefined && isEncoded(input) ? { isEncoded: true } : {}),
      tokens: ofTokens,
      strings: strings[i] && stringDescriptor(strings[i], seeds, i),
      ...(splits === undefined ? {} : { splits }),
    };
  });
}

function domainsOf(
  type: DType,
  tokens: TokenPlan | undefined,
  has: Readonly<Record<'image' | 'audio' | 'table' | 'splits' | 'mask', boolean>>,
): readonly Domain[] {
  const domains: Domain[] = [type === 'bool' ? 'flags' : 'numbers'];
  if (has.mask && tokens === undefined) domains.push('mask');
  if (type === 'bool') return domains;
  if (has.image && tokens === undefined) domains.push('image');
  if (has.audio) domains.push('audio');
  if (has.table) domains.push('table');
  if (has.splits) domains.push('splits');
  if (tokens !== undefined) domains.push('tokens');
  if (tokens?.vocabulary !== undefined) domains.push('text');
  return domains;
}
