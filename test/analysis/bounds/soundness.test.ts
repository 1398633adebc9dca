import { expect, test } from '@jest/globals';
import { checkSoundness } from '../../support/check-soundness.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();

/** Networks of the property: few in the suite, as many as wanted with the variable. */
const RUNS = Number(process.env.NEUROFUZZ_SOUNDNESS_RUNS ?? 100);

test(
  'no number of a run leaves the bounds of its element, nor those by relations, whatever the operations',
  async () => {
    const { finite, narrower } = await checkSoundness(folder, RUNS);
    // Bounds without an end would hold anything, and relations that narrow nothing would not have been looked at.
    expect(finite).toBeGreaterThan(50 * RUNS);
    expect(narrower).toBeGreaterThan(RUNS / 50);
  },
  60_000 + 600 * RUNS,
);
