import { MachineError, systemReason } from '../../core/errors.ts';

/** Standard output and standard error while a command runs. */
export interface StandardStreams {
  /** Waits until all is written. Returns the first failure; undefined if nothing was lost. */
  flush(): Promise<MachineError | undefined>;
}

/**
 * Records failures of standard output and standard error: the disk that a file is on is full, or the reader of a pipe has
 * gone. The command's work goes on, since what it keeps on disk is not lost.
 */
export function watchStandardStreams(): StandardStreams {
  let failure: MachineError | undefined;
  const streams = [
    { stream: process.stdout, name: 'standard output' },
    { stream: process.stderr, name: 'standard error' },
  ];
  for (const { stream, name } of streams)
    stream.on('error', (error) => {
      failure ??= new MachineError(`cannot write to ${name}: ${systemReason(error)}`);
    });
  return {
    async flush() {
      for (const { stream } of streams) {
        if (failure !== undefined) break;
        await new Promise<void>((done) => {
          stream.once('error', () => done());
          stream.write('', () => done());
        });
      }
      return failure;
    },
  };
}
