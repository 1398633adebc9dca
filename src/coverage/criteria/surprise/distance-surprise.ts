import { isFiniteVector } from '../../observation.ts';
import { NearestTrace } from './nearest-trace.ts';
import type { ReferenceTraces } from './reference-traces.ts';
import type { SurpriseMeasure } from './surprise-measure.ts';

/** Distance-based surprise adequacy (Kim et al., ICSE 2019, equations 5 to 7). */
export class DistanceSurprise implements SurpriseMeasure {
  readonly #width: number;
  readonly #byClass: ReadonlyMap<number, ClassTraces>;

  /** @param fromOthers part of the reference: see `distancesFromOthers` */
  constructor(traces: ReferenceTraces, fromOthers: Float32Array) {
    this.#width = traces.width;
    let from = 0;
    const classes = [...traces.byClass].map(([predicted, ofClass]): [number, ClassTraces] => {
      const count = ofClass.length / traces.width;
      from += count;
      const index = new NearestTrace(ofClass, traces.width);
      return [predicted, { index, fromOthers: fromOthers.subarray(from - count, from) }];
    });
    this.#byClass = new Map(classes);
  }

  /** NaN for a class that no reference input has. */
  of(values: Float32Array, row: number, predictedClass: number): number {
    const ofClass = this.#byClass.get(predictedClass);
    const from = row * this.#width;
    if (ofClass === undefined || !isFiniteVector(values, from, this.#width)) return Number.NaN;
    const { index, squared } = ofClass.index.find(values, from);
    return Math.sqrt(squared) / ofClass.fromOthers[index];
  }
}

/** The traces of a class, and of each its distance from the nearest of another class. */
interface ClassTraces {
  readonly index: NearestTrace;
  readonly fromOthers: Float32Array;
}

/** The distance of each trace from the nearest trace of another class, in the order of the traces; infinite where there is none. */
export function distancesFromOthers({ width, byClass }: ReferenceTraces): Float32Array {
  const indexes = new Map(
    [...byClass].map(([predicted, traces]) => [predicted, new NearestTrace(traces, width)]),
  );
  return Float32Array.from(
    [...byClass].flatMap(([predicted, traces]) => {
      const others = [...indexes].filter(([other]) => other !== predicted).map(([, index]) => index);
      return Array.from({ length: traces.length / width }, (_, i) =>
        Math.sqrt(Math.min(...others.map((index) => index.find(traces, i * width).squared))),
      );
    }),
  );
}
