/**
 * Measures raw inference of the fixtures on every available runtime, and the cost of watching a tensor: the median
 * ratio of the rates with and without, interleaved.
 *
 *   npm run bench:models -- --seconds 1
 */
import { parseArgs } from 'node:util';
import { errorMessage } from '../src/core/errors.ts';
import type { RuntimeKind } from '../src/model/model.ts';
import { RpcClient } from '../src/workers/rpc-client.ts';
import { line } from './campaign.ts';
import type { ModelsApi } from './models-process.ts';
import { tracked } from './progress.ts';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string', default: '0.5' }, rounds: { type: 'string', default: '5' } },
});

const TFJS: readonly RuntimeKind[] = ['tensorflow', 'wasm', 'cpu'];
const MODELS: readonly (readonly [path: string, runtimes: readonly RuntimeKind[]])[] = [
  ...['encoder', 'convnet', 'convnet-int8', 'convnet-float16', 'lstm', 'tabular', 'tabular-int8'].map(
    (name) => [`test/fixtures/${name}.onnx`, ['onnx']] as const,
  ),
  ['test/fixtures/external/tabular.onnx', ['onnx']],
  ['corpora/nan-digits/nan-digits.onnx', ['onnx']],
  ['test/fixtures/tfjs-layers', TFJS],
  ['test/fixtures/tfjs-graph', TFJS],
  ['corpora/nan-digits/nan-digits-tfjs', TFJS],
  ['test/fixtures/saved-model', ['tensorflow']],
];
const BATCH = 256;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

for (const [path, runtimes] of tracked('models', 'model', MODELS)) {
  for (const runtime of runtimes) {
    const script = new URL('./models-process.js', import.meta.url);
    const child = new RpcClient<ModelsApi>({ script, timeout: 60_000, memory: 4e9 });
    try {
      const { auto, middle } = await child.call('open', { path, runtime, batch: BATCH });
      const kinds = { none: [], auto: [auto], middle: [middle] };
      const rates: Record<string, number[]> = { none: [], auto: [], middle: [] };
      for (let round = 0; round < Number(options.rounds); round++) {
        for (const [kind, watched] of Object.entries(kinds)) {
          const run = { watched, batch: BATCH, milliseconds: 1000 * Number(options.seconds) };
          rates[kind].push(await child.call('run', run));
        }
      }
      const ratio = (kind: string): number =>
        Number(median(rates[kind].map((rate, i) => rate / rates.none[i])).toFixed(2));
      line({
        bench: 'models',
        model: path,
        runtime,
        rate: Math.round(median(rates.none)),
        auto: { tensor: auto, ratio: ratio('auto') },
        middle: { tensor: middle, ratio: ratio('middle') },
      });
    } catch (error) {
      line({ bench: 'models', model: path, runtime, failed: errorMessage(error) });
    } finally {
      child.kill();
    }
  }
}
