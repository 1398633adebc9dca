/**
 * Measures gradients of exports of widely used networks (models.zip, made by make.py), or of a model of one's own. Prints a JSON
 * line for each: nodes on the way and the share with a rule, operations without one, the largest difference from the gradient
 * that PyTorch recorded (or from central differences), and the price in forward passes; then one with the worst of each.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { unzipSync } from 'fflate';
import { loadModel } from '../../src/model/formats/registry.ts';
import { decodeNpz } from '../../src/tensor/npz.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { line, withFolder } from '../campaign.ts';
import { tracked } from '../progress.ts';
import { type Coverage, coverageOf, differenceFrom, type Prices, pricesOf } from './measure.ts';
import { measureOwn } from './own-model.ts';

const { values: options } = parseArgs({
  options: {
    /** Part of a case's name. */
    only: { type: 'string', default: '' },
    batches: { type: 'string', default: '1,8' },
    runs: { type: 'string', default: '9' },
    /** A model of one's own in place of those. */
    model: { type: 'string' },
    of: { type: 'string' },
    wrt: { type: 'string' },
    seeds: { type: 'string' },
    straight: { type: 'boolean', default: false },
  },
});
const batches = options.batches.split(',').map(Number);
const runs = Number(options.runs);

interface Case {
  readonly name: string;
  readonly model: string;
  readonly exporter: string;
  readonly opset: number;
  readonly of: string;
  readonly wrt: string;
}

interface CaseResult extends Coverage {
  readonly difference: number;
  readonly relativeDifference: number;
  readonly price: Prices;
}

const ARCHIVE = 'bench/gradients/models.zip';

async function measureCases(): Promise<void> {
  const files = unzipSync(await readFile(ARCHIVE));
  const recorded = decodeNpz(files['recorded.npz'], 'recorded.npz');
  const all: readonly Case[] = JSON.parse(Buffer.from(files['cases.json']).toString());
  const cases = all.filter(({ name }) => name.includes(options.only));
  const results: CaseResult[] = [];
  await withFolder(async (folder) => {
    for (const { name, model: network, exporter, opset, of, wrt } of tracked('gradients', 'model', cases)) {
      const path = join(folder, `${name}.onnx`);
      await writeFile(path, files[`${name}.onnx`]);
      const tensor = (part: string): Tensor => {
        const found = recorded.get(`${network}/${part}`);
        if (found === undefined) throw new Error(`recorded.npz has no ${network}/${part}`);
        return found;
      };
      const model = await loadModel(path, { runtime: 'auto' });
      try {
        const feeds = model.inputs.map((input) => tensor(`input/${input.name}`));
        const request = { of, wrt: [wrt] };
        const coverage = await coverageOf(model, request, feeds);
        const difference = await differenceFrom(
          model,
          request,
          feeds,
          tensor('upstream'),
          tensor('gradient'),
        );
        const price = await pricesOf(model, request, feeds, batches, runs);
        const result: CaseResult = { ...coverage, ...difference, price };
        results.push(result);
        line({ bench: 'gradients', model: network, exporter, opset, ...result });
      } finally {
        await model.dispose();
      }
    }
  });
  line({
    bench: 'gradients',
    models: results.length,
    leastShare: Math.min(...results.map(({ share }) => share)),
    without: [...new Set(results.flatMap(({ without }) => without))],
    largestRelativeDifference: Math.max(...results.map(({ relativeDifference }) => relativeDifference)),
  });
}

if (options.model === undefined) await measureCases();
else {
  const { model, of, wrt, seeds, straight } = options;
  await measureOwn({ path: model, of, wrt, seeds, isStraightThrough: straight, batches, runs });
}
