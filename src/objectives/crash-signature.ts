import { slug, type Violation } from './objective.ts';

/** Failures that end a run without a result: abort or runtime error, time limit, memory limit. */
export const FAILURE_KINDS = ['crash', 'hang', 'memory'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Whether a failure depends on the speed or memory of the machine. Such findings are confirmed by fewer runs. */
export function dependsOnMachine(objective: string): boolean {
  return objective === 'hang' || objective === 'memory';
}

const OUT_OF_MEMORY = /bad_alloc|failed to allocate|out of memory|allocation failed/i;
const ONNX_NODE = /running (\w+) node\. Name:'([^']*)'/;

/** Classifies an error that the runtime threw; the worker process survives it. */
export function failedRunViolation(message: string): Violation {
  const text = message.replace(/\s+/g, ' ').trim();
  if (OUT_OF_MEMORY.test(text))
    return makeViolation('memory', 'memory', `the model asks for too much memory`, text);
  const [, op, name] = ONNX_NODE.exec(text) ?? [];
  const status = text.replace(/^.*Status Message: /, '');
  if (op !== undefined) {
    const node = slug(name === '' ? op : name);
    const violation = makeViolation(
      'crash',
      `crash-${node}`,
      `the runtime fails ${op} ${name}: ${status}`,
      text,
    );
    return { ...violation, details: { ...violation.details, origin: { operation: name || op, kind: op } } };
  }
  // Shapes, addresses and other numbers differ between runs of one fault, so they are left out of the signature.
  const words = text
    .replace(/[^A-Za-z]+/g, ' ')
    .trim()
    .split(' ')
    .slice(0, 6)
    .join('_')
    .toLowerCase();
  return makeViolation('crash', `crash-${slug(words)}`, `the runtime fails the run: ${text}`, text);
}

/**
 * Violation of a run that killed its worker process.
 *
 * @param cause the signal or exit code, such as `SIGSEGV` or `exit 3`
 */
export function processDeathViolation(kind: FailureKind, cause: string): Violation {
  const summaries: Readonly<Record<FailureKind, string>> = {
    crash: `the model ends its process: ${cause}`,
    hang: 'the model hangs',
    memory: 'the model exhausts the memory',
  };
  const signature = kind === 'crash' ? `crash-${slug(cause.toLowerCase())}` : kind;
  return makeViolation(kind, signature, summaries[kind], cause);
}

/** Violation of a worker process that died once and survived the rerun of its task. */
export function unrepeatedDeathViolation(cause: string, task: number): Violation {
  const summary = `a worker ended with ${cause} in task ${task}, but not when the task was repeated; the input is the first of that task`;
  return makeViolation('crash', `crash-${slug(cause.toLowerCase())}-once`, summary, cause);
}

function makeViolation(
  objective: FailureKind,
  signature: string,
  summary: string,
  message: string,
): Violation {
  return {
    objective,
    signature,
    summary: summary.slice(0, 200),
    tensors: [],
    details: { message: message.slice(0, 500) },
  };
}
