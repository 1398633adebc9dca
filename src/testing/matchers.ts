/** Matchers for `expect.extend`, of Jest and Vitest alike. */
export type { MatcherResult, SurviveOptions } from './to-survive.ts';

import type { MatcherResult, SurviveOptions } from './to-survive.ts';

/** See `toSurvive` in docs/testing.md. What runs campaigns is imported when it is called. */
export async function toSurvive(model: unknown, options?: SurviveOptions): Promise<MatcherResult> {
  const caller = new Error();
  try {
    return await (await import('./to-survive.ts')).toSurvive(model, options);
  } catch (error) {
    throw atLineOf(caller, error);
  }
}

/** An error with the stack of its caller, so that the test's own line is shown; the matcher's own lines help nobody. */
function atLineOf(caller: Error, error: unknown): unknown {
  if (!(error instanceof Error) || caller.stack === undefined) return error;
  const frames = caller.stack.split('\n').filter((line) => line.startsWith('    at '));
  error.stack = [`${error.name}: ${error.message}`, ...frames.slice(1)].join('\n');
  return error;
}
