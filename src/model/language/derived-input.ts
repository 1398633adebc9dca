import { DTYPES } from '../../tensor/tensor.ts';
import type { InputSpec } from '../model.ts';

/** Inputs that follow from the text's length: attention mask, position and segment ids, and a use-cache switch. */
export type DerivedInputKind = 'mask' | 'position' | 'segment' | 'branch';

/** The kind of a derived input by its name; undefined for tokens and states. */
export function derivedInputKind({ name, type }: InputSpec): DerivedInputKind | undefined {
  if (/mask/i.test(name)) return 'mask';
  if (/position/i.test(name) && DTYPES[type].kind === 'int') return 'position';
  if (/segment|token_?type/i.test(name) && DTYPES[type].kind === 'int') return 'segment';
  return /use_cache/i.test(name) ? 'branch' : undefined;
}
