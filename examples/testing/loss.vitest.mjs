// The first test of loss.test.js for Vitest.
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

test('the repaired loss survives, the findings of the broken one included', async () => {
  await expect(path('../../corpora/broken-loss/repaired.onnx')).toSurvive({
    seeds: path('../../corpora/broken-loss/seeds.npz'),
    range: { logit: [-40, 40] },
    objective: { learns: 'assert:loss < 0.01 or abs(gradient) > 1e-4' },
    execs: 3000,
    regressions: path('regressions'),
  });
});
