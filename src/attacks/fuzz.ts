import type { AttackKind } from './attack.ts';
import { LINF } from './linf.ts';

/**
 * The fuzzer itself, with the objective `confident-error` and as many mutants as `--queries` allows for all inputs together. It
 * is a campaign, which needs worker processes of its own: `contest` runs it beside the attacks.
 */
export const fuzz: AttackKind = {
  name: 'fuzz',
  help: 'the fuzzer itself with the objective confident-error, within an L∞ ball',
  parameters: [LINF],
  needsPicture: false,
  isExpensive: true,
  isCampaign: true,
  maxQueries: ({ queries }) => queries,
  make() {
    throw new Error('fuzz is run as a campaign');
  },
};
