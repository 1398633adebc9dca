import { EXIT } from './exit-codes.ts';

/**
 * Handles Ctrl-C and SIGTERM: the first one aborts the signal for a regular shutdown, the second one ends the process.
 *
 * @returns the signal, and a function that removes the handlers
 */
export function handleShutdownSignals(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const handlerFor = (exitCode: number) => () => {
    if (controller.signal.aborted) process.exit(exitCode);
    controller.abort();
  };
  const interrupt = handlerFor(EXIT.interrupted);
  const terminate = handlerFor(EXIT.terminated);
  process.on('SIGINT', interrupt).on('SIGTERM', terminate);
  return {
    signal: controller.signal,
    release: () => void process.off('SIGINT', interrupt).off('SIGTERM', terminate),
  };
}
