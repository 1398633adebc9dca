// The loss of a classifier with two versions: a broken one, whose gradient vanishes where the loss is large, and a repaired one.
const { join } = require('node:path');
const { fuzz, replay } = require('neurofuzz');

const models = join(__dirname, '../../corpora/broken-loss');
const [broken, repaired] = ['broken.onnx', 'repaired.onnx'].map((name) => join(models, name));

const options = {
  seeds: join(models, 'seeds.npz'),
  range: { logit: [-40, 40] },
  // Either there is little left to learn, or the gradient says where to go.
  objective: { learns: 'assert:loss < 0.01 or abs(gradient) > 1e-4' },
  execs: 3000,
};

test('the repaired loss survives, the findings of the broken one included', async () => {
  await expect(repaired).toSurvive({ ...options, regressions: join(__dirname, 'regressions') });
});

test('findings are typed arrays', async () => {
  const { findings } = await fuzz({
    ...options,
    model: broken,
    seed: 'example',
    untilFinding: true,
    out: join(__dirname, 'neurofuzz-out/broken'),
    overwrite: true,
  });
  const [{ path, inputs }] = findings;
  expect(inputs.logit.data).toBeInstanceOf(Float32Array);
  expect(Math.abs(inputs.logit.data[0])).toBeGreaterThan(9);

  const [again] = await replay(path, { model: repaired });
  expect(again.verdict).toBe('fixed');
});
