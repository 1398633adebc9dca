import { NO_CLASS } from '../../../inputs/class-label.ts';
import { predictedClassOf } from '../../../inputs/predicted-class.ts';
import type { BatchResult } from '../../../model/batched-model.ts';
import type { CoverageCriterionSettings } from '../../criterion.ts';
import { DEFAULT_LAYOUT, type NeuronValues, neuronReader } from '../../neurons.ts';
import { isFiniteVector } from '../../observation.ts';
import { type CoverageReference, referencePart } from '../../reference.ts';

/** Activation traces of reference inputs: the values of all neurons of the watched tensors. */
export interface ReferenceTraces {
  /** Neurons in a trace. */
  readonly width: number;
  /** Predicted classes of the reference inputs, ascending; `NO_CLASS` alone where the model has none. */
  readonly classes: readonly number[];
  /** `[count, width]`, of each class. */
  readonly byClass: ReadonlyMap<number, Float32Array>;
}

/** Collects the traces of reference inputs by predicted class; what is not finite does not count. */
export class TraceCollector {
  readonly #read: (result: BatchResult) => NeuronValues;
  readonly #most: number;
  readonly #traces = new Map<number, Float32Array[]>();
  #width = 0;

  /** @param most traces of one class */
  constructor({ layout = DEFAULT_LAYOUT }: Pick<CoverageCriterionSettings, 'layout'>, most: number) {
    this.#read = neuronReader(layout);
    this.#most = most;
  }

  add(result: BatchResult): void {
    const { rows, width, values } = this.#read(result);
    this.#width = width;
    for (let row = 0; row < rows; row++) {
      if (!isFiniteVector(values, row * width, width)) continue;
      const predicted = predictedClassOf(result, row);
      const known = this.#traces.get(predicted) ?? [];
      if (known.length < this.#most) known.push(values.slice(row * width, (row + 1) * width));
      this.#traces.set(predicted, known);
    }
  }

  finish(): CoverageReference {
    const width = this.#width;
    const classes = [...this.#traces.keys()].sort((a, b) => a - b);
    const traces = classes.flatMap((predicted) => this.#traces.get(predicted) ?? []);
    const joined = new Float32Array(traces.length * width);
    traces.forEach((trace, i) => joined.set(trace, i * width));
    const counts = classes.map((predicted) => this.#traces.get(predicted)?.length ?? 0);
    return { traces: joined, classes: Float32Array.from(classes), counts: Float32Array.from(counts) };
  }
}

/** The traces that a `TraceCollector` collected. */
export function readTraces(reference: CoverageReference | undefined): ReferenceTraces {
  const [traces, classes, counts] = ['traces', 'classes', 'counts'].map((name) =>
    referencePart(reference, name),
  );
  const total = counts.reduce((sum, count) => sum + count, 0);
  const width = total === 0 ? 0 : traces.length / total;
  const byClass = new Map<number, Float32Array>();
  let from = 0;
  classes.forEach((predicted, i) => {
    byClass.set(predicted, traces.subarray(from * width, (from + counts[i]) * width));
    from += counts[i];
  });
  return { width, classes: [...classes], byClass };
}

/** Traces of all classes, `[count, width]`. */
export function joinTraces({ byClass }: ReferenceTraces): Float32Array {
  const parts = [...byClass.values()];
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** The class whose traces a row is compared with: `NO_CLASS` stands for all where the row's own class has none. */
export function classOrNone({ byClass }: ReferenceTraces, predicted: number): number {
  return byClass.has(predicted) ? predicted : NO_CLASS;
}
