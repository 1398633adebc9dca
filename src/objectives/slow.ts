import {
  instanceName,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from './objective.ts';

/** How many times slower than usual a run is that counts, where nobody says. */
const DEFAULT_SLOWDOWN = 5;

/** Milliseconds below which nothing is slow: that much the machine itself takes now and then. */
const DEFAULT_MIN_MS = 2;

/**
 * A run that takes many times what one of its shape usually takes: loops whose length the input decides, numbers that
 * the processor computes slowly. What is slow on one machine may not be on another, or tomorrow.
 */
class Slow implements Objective {
  readonly name: string;
  readonly timed = true;
  readonly #slowdown: number;
  readonly #minMs: number;

  constructor(name: string, times: number, least: number) {
    this.name = name;
    this.#slowdown = times;
    this.#minMs = least;
  }

  judge({ rows, time }: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    if (time === undefined || rows !== 1) return;
    const { took, usual } = time;
    if (took <= this.#slowdown * usual || 1000 * took < this.#minMs) return;
    report(0, {
      objective: 'slow',
      signature: this.name,
      summary: `a run takes ${formatMilliseconds(took)} ms where one of its shape usually takes ${formatMilliseconds(usual)} ms`,
      tensors: [],
      details: { milliseconds: 1000 * took, usual: 1000 * usual },
    });
  }
}

function formatMilliseconds(seconds: number): string {
  return String(Number((1000 * seconds).toPrecision(3)));
}

export const slow: ObjectiveKind = {
  name: 'slow',
  help: 'a run that takes many times what is usual for its shape; runs are of one testcase then',
  parameters: [
    {
      name: 'times',
      help: `how many times as long counts; ${DEFAULT_SLOWDOWN} unless told`,
      between: [1.5, 1e6],
    },
    {
      name: 'least',
      help: `milliseconds below which nothing is slow; ${DEFAULT_MIN_MS} unless told`,
      between: [0, 1e6],
    },
  ],
  make: ({ values: { times = DEFAULT_SLOWDOWN, least = DEFAULT_MIN_MS }, name }) =>
    new Slow(instanceName('slow', name), times, least),
};
