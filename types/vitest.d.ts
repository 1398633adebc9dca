import type { SurviveOptions } from '../dist/src/testing/matchers.js';

interface NeurofuzzMatchers {
  /** Runs findings of `regressions` again, then a campaign; passes where neither shows a confirmed fault. `await` it. */
  toSurvive(options?: SurviveOptions): Promise<void>;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: Vitest declares the parameter so
  interface Matchers<T = any> extends NeurofuzzMatchers {}
}
