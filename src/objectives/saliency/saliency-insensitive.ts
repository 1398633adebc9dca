import { suggestName } from '../../core/did-you-mean.ts';
import { errorMessage, UserError } from '../../core/errors.ts';
import { formatNumber } from '../../core/format-number.ts';
import { parseSettings } from '../../extensions/settings.ts';
import { parseExtensionSpec } from '../../extensions/spec.ts';
import { BatchedModel } from '../../model/batched-model.ts';
import { sliceTestcases, type TestcaseBatch } from '../../model/testcase-batch.ts';
import { explainInputs, geometryOfInput } from '../../saliency/explain.ts';
import { compareMaps, isEmpty } from '../../saliency/map.ts';
import type { ExplainContext, Explanation } from '../../saliency/method.ts';
import { SALIENCY_METHODS } from '../../saliency/methods/registry.ts';
import { className } from '../class-name.ts';
import { UNKNOWN_MARGIN } from '../margin.ts';
import { findClassOutput } from '../misclassified.ts';
import {
  instanceName,
  type JudgedBatch,
  type Measurement,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from '../objective.ts';
import { argmax, RowReader } from '../output-difference.ts';
import { explainContextOf } from './explain-context.ts';

/** Steps of a path from the baseline, on both models: demands on the sum of a map are for `explain`. */
const PATH_STEPS = 50;

interface Settings {
  readonly method: string;
  /** Rank correlation that is accepted. */
  readonly most: number;
  readonly baseline: number;
}

/**
 * Insensitive map: a method draws nearly the same map of where the model looked although the layers near the output are random
 * (Adebayo et al. 2018). The second model is the copy with the random layers.
 */
class SaliencyInsensitive implements Objective {
  readonly name: string;
  readonly #settings: Settings;
  readonly #reader = new RowReader();

  constructor(name: string, settings: Settings) {
    this.name = name;
    this.#settings = settings;
  }

  /** The rank correlation of the maps of each row under both models; NaN where the model's own map is flat. */
  async measure(model: BatchedModel, testcases: TestcaseBatch, run: JudgedBatch): Promise<Measurement> {
    const values = new Float64Array(run.rows).fill(Number.NaN);
    const output = findClassOutput(run);
    const second = model.model.secondModel;
    if (output === undefined || second === undefined) return { values };
    const context = explainContextOf(model, testcases, output.name, this.#settings.baseline);
    if (typeof context === 'string') return { values, refusal: context };
    const copy = new BatchedModel(second.model);
    const copyScores = second.outputs.get(output.name) ?? context.scores;
    const scores = second.model.watchable.includes(context.scores) ? context.scores : copyScores;
    try {
      for (let row = 0; row < run.rows; row++) {
        const classIndex = argmax(this.#reader.read(output, row));
        const input = { index: 0, classIndex, data: sliceTestcases(testcases, row, row + 1) };
        const explain = async (of: BatchedModel, named: ExplainContext): Promise<Explanation> => {
          const { method } = this.#settings;
          const steps = { [method]: [PATH_STEPS] };
          const request = { inputs: [input], methods: [method], context: named, draws: '', steps };
          return (await explainInputs(of, request, 64, () => {}))[method][0];
        };
        const original = await explain(model, context);
        if ('refusal' in original) throw new Error(original.refusal);
        const random = await explain(copy, { ...context, scores });
        if (!('map' in original && 'map' in random) || isEmpty(original.map)) continue;
        const geometry = geometryOfInput(context, input.data);
        values[row] = compareMaps(original.map, random.map, geometry).signed;
      }
    } catch (error) {
      return { values, refusal: `cannot draw maps by ${this.#settings.method} (${errorMessage(error)})` };
    }
    return { values };
  }

  refuses(run: JudgedBatch): string | undefined {
    if (findClassOutput(run) === undefined)
      return 'needs an output with a value for each class, and there is none';
    if (run.secondOutputs === undefined)
      return 'needs a second model, which is derived where neither --quantize nor --against is given';
    return run.measured?.refusal;
  }

  judge(run: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    const output = findClassOutput(run);
    if (output === undefined || run.measured === undefined) return;
    const { method, most } = this.#settings;
    for (let row = 0; row < run.rows; row++) {
      const correlation = run.measured.values[row];
      if (!(correlation > most)) continue;
      const predicted = argmax(this.#reader.read(output, row));
      report(row, {
        objective: 'saliency-insensitive',
        signature: `${this.name}-${method}`,
        summary: `The map of ${method} for class ${className(output, predicted)} is like that of the copy with random layers: rank correlation ${formatNumber(correlation, 3)}, above ${formatNumber(most, 3)}`,
        tensors: [],
        details: { method, class: predicted, correlation, most },
      });
    }
  }

  margins(run: JudgedBatch, row: number, out: Float64Array): number {
    const correlation = run.measured?.values[row] ?? Number.NaN;
    out[0] = Number.isNaN(correlation) ? UNKNOWN_MARGIN : Math.max(0, this.#settings.most - correlation);
    return 1;
  }

  /** A map is a gradient itself: there is no slope of it. */
  marginSlope(): undefined {
    return undefined;
  }
}

/** Methods that ask the model and draw no random numbers. */
const METHODS = SALIENCY_METHODS.filter(
  ({ isControl, isRandom }) => isControl !== true && isRandom !== true,
).map(({ name }) => name);

const MOST = {
  name: 'most',
  default: 0.5,
  help: 'rank correlation of the two maps that is accepted',
  min: -1,
  max: 1,
} as const;

const LAYERS = {
  name: 'layers',
  help: 'layers that are random in the copy, from the last one on; by default half of all, the middle one included',
  min: 1,
  max: 1e6,
  integer: true,
} as const;

const BASELINE = {
  name: 'baseline',
  default: 0,
  help: 'the value of a missing pixel or column',
  min: -1e39,
  max: 1e39,
} as const;

export const saliencyInsensitive: ObjectiveKind = {
  name: 'saliency-insensitive',
  help: 'a map of where the model looked that hardly changes when the layers near the output are random; derives the copy',
  source: 'Sanity Checks for Saliency Maps (Adebayo et al. 2018)',
  parameters: [MOST, LAYERS, BASELINE],
  words: { method: { help: `how the map is drawn: ${METHODS.join(', ')}; gradient by default` } },
  needsSecondModel: true,
  derivesCopy: true,
  make(values, { name, words }) {
    const { method = 'gradient' } = words;
    if (!METHODS.includes(method))
      throw new UserError(
        `--objective: saliency-insensitive cannot use the method ${method}: ${suggestName(method, METHODS)}`,
      );
    return new SaliencyInsensitive(instanceName('saliency-insensitive', name), {
      method,
      most: values(MOST) ?? MOST.default,
      baseline: values(BASELINE) ?? BASELINE.default,
    });
  },
};

/** How many layers are random in the copy that an objective is about; undefined for half of them, null for other objectives. */
export function randomLayersOf(spec: string): number | undefined | null {
  const { name, isModule, settings } = parseExtensionSpec(spec);
  if (isModule || name !== saliencyInsensitive.name) return null;
  return parseSettings('--objective', name, saliencyInsensitive, settings, true).values(LAYERS);
}
