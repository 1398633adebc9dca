import { type Fault, isConfirmedFault } from './fault-registry.ts';

/** How likely the next mutant is to show a fault that none has shown, and how long ago the last one came. */
export interface NewFaultChance {
  /** Faults that the mutants of exactly one task hit. */
  readonly singletons: number;
  /**
   * Good–Turing estimate of the chance that the next mutant shows a new fault: the singletons over the mutants. Where there is none
   * it would be 0, and is what it would be with one mutant more and a fault that is hit by it: an upper bound.
   */
  readonly chance: number;
  readonly isUpperBound: boolean;
  /** The chance that is exceeded in one campaign of twenty, if mutants were drawn alike: none since the last new fault showed one. */
  readonly upper95: number;
  readonly mutantsSinceLast: number;
  readonly secondsSinceLast: number;
}

/** Risk that the chance is above `upper95`. */
const RISK = 0.05;

/**
 * Estimates the chance of a new fault (Good 1953, for fuzzing Böhme 2018, STADS). Mutants of one task are made of few entries and
 * hit one fault together, so that a fault counts by the tasks that hit it and not by its hits. Faults of seeds were there before the
 * first mutant, and flaky ones and ties do not count; hits of other faults count unconfirmed.
 *
 * @param faults in any order, flaky ones among them
 * @param execs mutants so far
 * @param seconds since the campaign began, over all sessions
 */
export function newFaultChance(
  faults: readonly Pick<
    Fault,
    'signature' | 'kept' | 'firstTask' | 'firstExecs' | 'firstSeconds' | 'tasks'
  >[],
  execs: number,
  seconds: number,
): NewFaultChance {
  const found = faults.filter((fault) => isConfirmedFault(fault) && fault.firstTask > 0);
  const singletons = found.filter(({ tasks }) => tasks === 1).length;
  const lastExecs = Math.max(0, ...found.map(({ firstExecs }) => firstExecs));
  const lastSeconds = Math.max(0, ...found.map(({ firstSeconds }) => firstSeconds));
  const mutantsSinceLast = Math.max(0, execs - lastExecs);
  const isUpperBound = singletons === 0;
  return {
    singletons,
    chance: isUpperBound ? 1 / (execs + 1) : Math.min(1, singletons / Math.max(1, execs)),
    isUpperBound,
    upper95: mutantsSinceLast === 0 ? 1 : -Math.expm1(Math.log(RISK) / mutantsSinceLast),
    mutantsSinceLast,
    secondsSinceLast: Math.max(0, seconds - lastSeconds),
  };
}

/** The chance for people: `0.0012 %`, `at most 0.002 %`. */
export function chanceText({
  chance,
  isUpperBound,
}: Pick<NewFaultChance, 'chance' | 'isUpperBound'>): string {
  return `${isUpperBound ? 'at most ' : ''}${Number((100 * chance).toPrecision(2))} %`;
}
