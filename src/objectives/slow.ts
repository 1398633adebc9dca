import { formatNumber } from '../core/format-number.ts';
import {
  instanceName,
  type JudgedBatch,
  type Objective,
  type ObjectiveKind,
  type Violation,
} from './objective.ts';

/**
 * Performance fault: a run that takes many times the usual time of its input shape, as from loops whose length depends
 * on the input or from denormal numbers. Timings vary between machines and runs, so findings may not reproduce.
 */
class Slow implements Objective {
  readonly name: string;
  readonly timed = true;
  readonly #slowdown: number;
  readonly #minMs: number;

  constructor(name: string, slowdown: number, minMs: number) {
    this.name = name;
    this.#slowdown = slowdown;
    this.#minMs = minMs;
  }

  judge({ rows, time }: JudgedBatch, report: (row: number, violation: Violation) => void): void {
    if (time === undefined || rows !== 1) return;
    const { took, usual } = time;
    if (took <= this.#slowdown * usual || 1000 * took < this.#minMs) return;
    report(0, {
      objective: 'slow',
      signature: this.name,
      summary: `a run takes ${formatMilliseconds(took)} ms; runs of its shape usually take ${formatMilliseconds(usual)} ms`,
      tensors: [],
      details: { milliseconds: 1000 * took, usual: 1000 * usual },
    });
  }
}

function formatMilliseconds(seconds: number): string {
  return formatNumber(1000 * seconds, 3);
}

const TIMES = {
  name: 'times',
  default: 5,
  help: 'factor over the usual time from which a run counts as slow',
  min: 1.5,
  max: 1e6,
} as const;

// Scheduling alone causes pauses below the default.
const LEAST = {
  name: 'least',
  default: 2,
  help: 'milliseconds below which no run counts as slow',
  min: 0,
  max: 1e6,
} as const;

export const slow: ObjectiveKind = {
  name: 'slow',
  help: 'a run that takes many times the usual time of its shape; each run then has one testcase',
  parameters: [TIMES, LEAST],
  make: (values, { name }) => new Slow(instanceName('slow', name), values(TIMES), values(LEAST)),
};
