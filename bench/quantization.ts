/**
 * TensorFuzz's second experiment (arXiv 1807.10875, section 4.2): for how many digits that a network and its
 * quantized copy classify alike there is one within L-infinity distance 0.4 that they do not, and after how many
 * mutants, passes and seconds it is found: along gradients, with margins alone and by random search. Uses a float16 copy
 * of the paper's dense network and an int8 copy of a convolutional network. A mutant takes two passes, one of each model.
 */
import { parseArgs } from 'node:util';
import type { Quantization } from '../src/model/quantize/kind.ts';
import { line, spreadOf, withFolder } from './campaign.ts';
import { type DigitNetwork, mnist } from './digit-networks.ts';
import { type DigitSearch, quantizedPair, searchDigit } from './experiments/quantized.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/mnist' },
    cache: { type: 'string', default: 'bench/.cache' },
    digits: { type: 'string', default: '100' },
    execs: { type: 'string', default: '50000' },
    searches: { type: 'string', default: 'gradients,margins,control' },
    pairs: { type: 'string', default: 'dense-float16,convolution-int8' },
  },
});

const SEARCHES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  gradients: {},
  margins: { gradients: 'off' },
  coverage: { guidance: 'ann' },
  control: { guidance: 'none' },
};

const digits = await mnist(options.data);

await withFolder(async (folder) => {
  for (const pair of tracked('quantization', 'pair', options.pairs.split(','))) {
    const [network, kind] = pair.split('-') as [DigitNetwork, Quantization];
    const quantized = await quantizedPair(network, kind, digits, options.cache, folder);
    line({
      bench: 'quantization',
      pair,
      heldOut: digits.heldOut.labels.length,
      accuracy: quantized.accuracy,
      alike: quantized.alike.length / digits.heldOut.labels.length,
    });
    for (const search of options.searches.split(',')) {
      const searched: DigitSearch[] = [];
      for (const row of quantized.alike.slice(0, Number(options.digits)))
        searched.push(await searchDigit(quantized, row, SEARCHES[search], Number(options.execs), folder));
      line({
        bench: 'quantization',
        pair,
        search,
        digits: searched.length,
        found: searched.filter(({ isFound }) => isFound).length / searched.length,
        ...spreadOf(
          'Execs',
          searched.map(({ execs }) => execs),
        ),
        ...spreadOf(
          'Passes',
          searched.map(({ passes }) => passes),
        ),
        ...spreadOf(
          'Seconds',
          searched.map(({ seconds }) => seconds),
        ),
      });
    }
  }
});
