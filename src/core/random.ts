import seedrandom from 'seedrandom';

/**
 * Seeded pseudo-random number generator. Streams with equal keys produce equal numbers, so a task's result depends on
 * its key alone, never on the process or the time it runs in.
 */
export interface Random {
  /** A number in [0, 1) with 32 random bits. */
  uniform(): number;
  /** An integer in [0, bound). */
  below(bound: number): number;
}

/** Creates the stream of a key such as (master seed, 'mutate', task number): Baagøe's Alea. */
export function randomStream(...key: readonly (string | number)[]): Random {
  // JSON encodes ('a', 'b:c') and ('a:b', 'c') differently; a join by ':' would not.
  const generator = seedrandom.alea(JSON.stringify(key));
  return {
    uniform: () => generator(),
    below: (bound) => Math.floor(generator() * bound),
  };
}

/** Puts values into a drawn order, in place, by Fisher and Yates' method (Durstenfeld 1964). */
export function shuffle<T extends { readonly length: number; [index: number]: unknown }>(
  values: T,
  random: Random,
): T {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

/** A standard normal draw by Marsaglia's polar method. For bulk draws use `NoisePool`. */
export function drawNormal(random: Random): number {
  for (;;) {
    const x = 2 * random.uniform() - 1;
    const y = 2 * random.uniform() - 1;
    const s = x * x + y * y;
    if (s > 0 && s < 1) return x * Math.sqrt((-2 * Math.log(s)) / s);
  }
}
