/** Matchers for `expect.extend`, of Jest and Vitest alike. */
export type { MatcherResult, SurviveOptions } from './to-survive.ts';

import type { MatcherResult, SurviveOptions } from './to-survive.ts';

/** See `toSurvive` in docs/testing.md. What runs campaigns is imported when it is called. */
export async function toSurvive(model: unknown, options?: SurviveOptions): Promise<MatcherResult> {
  return (await import('./to-survive.ts')).toSurvive(model, options);
}
