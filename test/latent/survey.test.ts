import { expect, test } from '@jest/globals';
import { LatentCodec } from '../../src/latent/latent-codec.ts';
import { deviationsOf, surveyCodec } from '../../src/latent/survey.ts';
import { loadModel } from '../../src/model/formats/registry.ts';
import { testFolder } from '../support/folder.ts';
import { writeAutoencoder } from '../support/models.ts';

const folder = testFolder();

test('deviations are those of the columns, and 1 for a single row', () => {
  expect(deviationsOf(Float32Array.of(1, 5, 3, 5), 2)).toEqual([1, 0]);
  expect(deviationsOf(Float32Array.of(1, 5), 2)).toEqual([1, 1]);
});

test('a survey measures what is lost beside the mean of all inputs', async () => {
  const paths = writeAutoencoder(folder);
  const decoder = await loadModel(paths.decoder, { runtime: 'auto' });
  const encoder = await loadModel(paths.encoder, { runtime: 'auto' });
  const rows = [
    // Within the plane, and with a part outside of it.
    Float32Array.of(1, 0, 1, 0),
    Float32Array.of(0, 1, 0, 1),
    Float32Array.of(0, 0, 1, 0),
  ].map((values) => ({ type: 'float32' as const, values, label: -1 }));
  const codec = await LatentCodec.open({ encoder, decoder }, { name: 'x', shape: [4], ...rows[0] });
  const survey = await surveyCodec(codec, rows);
  // The third row loses (−½, 0, ½, 0): a squared error of ½ in twelve values.
  expect(survey.reconstructionError).toBeCloseTo(0.5 / 12, 6);
  expect(survey.meanError).toBeCloseTo((2 / 3 + 2 / 3 + 2 / 3 + 2 / 3) / 12, 6);
  expect(survey.deviations).toHaveLength(2);
});
