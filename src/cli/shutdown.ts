import { EXIT } from './exit-codes.ts';

/** The first Ctrl-C or SIGTERM ends what runs in order, the second ends the process. */
export function handleShutdownSignals(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const on = (code: number) => () => {
    if (controller.signal.aborted) process.exit(code);
    controller.abort();
  };
  const interrupt = on(EXIT.interrupted);
  const terminate = on(EXIT.terminated);
  process.on('SIGINT', interrupt).on('SIGTERM', terminate);
  return {
    signal: controller.signal,
    release: () => void process.off('SIGINT', interrupt).off('SIGTERM', terminate),
  };
}
