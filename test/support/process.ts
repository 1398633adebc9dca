import { ProcessDied } from '../../src/workers/lifetime/process-died.ts';
import type { Api, RpcProcess } from '../../src/workers/rpc-client.ts';

/** A call that a fake process got. */
export interface RecordedCall {
  readonly method: string;
  readonly parameters: unknown;
}

/** Answers of a fake process by method; what throws `ProcessDied` ends it. */
export type Answers<A extends Api> = {
  readonly [M in keyof A]?: (parameters: Parameters<A[M]>[0]) => unknown;
};

/** A process that runs in this one: its methods are functions of the test. */
export class FakeProcess<A extends Api> implements RpcProcess<A> {
  readonly pid = 1;
  isAlive = true;
  memory = { rss: 0, peak: 0 };
  readonly calls: RecordedCall[] = [];
  readonly #answers: Answers<A>;

  constructor(answers: Answers<A>) {
    this.#answers = answers;
  }

  async call<M extends keyof A & string>(
    method: M,
    parameters: Parameters<A[M]>[0],
  ): Promise<Awaited<ReturnType<A[M]>>> {
    if (!this.isAlive) throw crash();
    this.calls.push({ method, parameters });
    try {
      return (await this.#answers[method]?.(parameters)) as Awaited<ReturnType<A[M]>>;
    } catch (error) {
      if (error instanceof ProcessDied) this.isAlive = false;
      throw error;
    }
  }

  kill(): void {
    this.isAlive = false;
  }

  methods(): string[] {
    return this.calls.map(({ method }) => method);
  }
}

/** Starts fake processes with the same answers, and keeps them in `started`. */
export function spawner<A extends Api>(answers: Answers<A>) {
  const started: FakeProcess<A>[] = [];
  const spawn = (): FakeProcess<A> => {
    const process = new FakeProcess<A>(answers);
    started.push(process);
    return process;
  };
  return { started, spawn };
}

export function crash(exitStatus = 'SIGSEGV'): ProcessDied {
  return new ProcessDied('crash', exitStatus, '');
}
