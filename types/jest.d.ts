import type { SurviveOptions } from '../dist/src/testing/matchers.js';

interface NeurofuzzMatchers<R> {
  /** Runs findings of `regressions` again, then a campaign; passes where neither shows a confirmed fault. `await` it. */
  toSurvive(options?: SurviveOptions): R extends Promise<void> ? R : Promise<void>;
}

declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends NeurofuzzMatchers<R> {}
}

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: @types/jest declares the parameter so
    interface Matchers<R, T = {}> extends NeurofuzzMatchers<R> {}
  }
}
