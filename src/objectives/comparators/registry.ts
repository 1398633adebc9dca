import { Registry } from '../../extensions/registry.ts';
import { boxes } from './boxes.ts';
import type { Comparator, ComparatorKind } from './comparator.ts';
import { masks } from './masks.ts';
import { ranking } from './ranking.ts';
import { regression } from './regression.ts';
import { tokens } from './tokens.ts';

/** What outputs may be compared as, and how `by=` of an objective names it. */
export const COMPARATORS = new Registry<ComparatorKind>({
  flag: '--objective',
  noun: 'comparator',
  kinds: [boxes, masks, ranking, regression, tokens],
  prefix: 'by=',
  listedBy: 'neurofuzz objectives',
  describeUnknown: (name) => `outputs can't be compared by ${name}`,
});

/**
 * Makes the comparator of a setting such as `boxes:iou=0.5:scores=conf`: colons stand for commas, which end the setting. One
 * behind which no setting follows is part of an output's name.
 *
 * @throws UserError on an unknown comparator, or settings that make no sense
 */
export function makeComparator(setting: string): Comparator {
  const [name, ...settings] = setting.split(/:(?=[A-Za-z]+=)/);
  const { kind, values, words, text } = COMPARATORS.configure(name, settings.join(','));
  return kind.make(values, { words, text, name: '' });
}
