import picomatch from 'picomatch';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';
import type { WeightLayer } from '../saliency/layers.ts';

/**
 * The layers whose names match a pattern, such as `conv*`.
 *
 * @throws UserError where a pattern matches none
 */
export function selectLayers(
  layers: readonly WeightLayer[],
  patterns: readonly string[],
): readonly WeightLayer[] {
  const names = layers.map(({ name }) => name);
  const matchers = patterns.map((pattern) => {
    const matches = picomatch(pattern, { dot: true, bash: true });
    const matcher = (name: string): boolean => name === pattern || matches(name);
    if (!names.some(matcher))
      throw new UserError(`--layers: no layer is called ${pattern}: ${suggestName(pattern, names)}`);
    return matcher;
  });
  return layers.filter(({ name }) => matchers.some((matches) => matches(name)));
}
