import { instanceName, type Objective, type ObjectiveKind, type Run, type Violation } from './objective.ts';

/** How many times slower than usual a run is that counts, where nobody says. */
const TIMES = 5;

/** Milliseconds below which nothing is slow: that much the machine itself takes now and then. */
const LEAST = 2;

/**
 * A run that takes many times what one of its shape usually takes: loops whose length the input decides, numbers that
 * the processor computes slowly. What is slow on one machine may not be on another, or tomorrow.
 */
class Slow implements Objective {
  readonly name: string;
  readonly timed = true;
  readonly #times: number;
  readonly #least: number;

  constructor(name: string, times: number, least: number) {
    this.name = name;
    this.#times = times;
    this.#least = least;
  }

  judge({ rows, time }: Run, report: (row: number, violation: Violation) => void): void {
    if (time === undefined || rows !== 1) return;
    const { took, usual } = time;
    if (took <= this.#times * usual || 1000 * took < this.#least) return;
    report(0, {
      objective: 'slow',
      signature: this.name,
      summary: `a run takes ${milliseconds(took)} ms where one of its shape usually takes ${milliseconds(usual)} ms`,
      tensors: [],
      details: { milliseconds: 1000 * took, usual: 1000 * usual },
    });
  }
}

function milliseconds(seconds: number): string {
  return String(Number((1000 * seconds).toPrecision(3)));
}

export const slow: ObjectiveKind = {
  name: 'slow',
  help: 'a run that takes many times what is usual for its shape; runs are of one testcase then',
  parameters: [
    { name: 'times', help: `how many times as long counts; ${TIMES} unless told`, between: [1.5, 1e6] },
    {
      name: 'least',
      help: `milliseconds below which nothing is slow; ${LEAST} unless told`,
      between: [0, 1e6],
    },
  ],
  make: ({ values: { times = TIMES, least = LEAST }, name }) =>
    new Slow(instanceName('slow', name), times, least),
};
