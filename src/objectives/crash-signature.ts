import { slug, type Violation } from './objective.ts';

/** What ends a run without a result: the model aborts or refuses, takes too long, or eats the memory. */
export const FAILURE_KINDS = ['crash', 'hang', 'memory'] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

/** Failures that depend on the clock or the machine: their findings are kept apart and run again less often. */
export function dependsOnMachine(objective: string): boolean {
  return objective === 'hang' || objective === 'memory';
}

const OUT_OF_MEMORY = /bad_alloc|failed to allocate|out of memory|allocation failed/i;
const ONNX_NODE = /running (\w+) node\. Name:'([^']*)'/;

/** The violation of a run that the runtime failed, told by its message; the process lives on. */
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
  // Numbers differ from run to run of one fault.
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
 * The violation of a run that ended its process.
 *
 * @param how the signal or exit code, such as `SIGSEGV` or `exit 3`
 */
export function processDeathViolation(kind: FailureKind, how: string): Violation {
  const summaries: Readonly<Record<FailureKind, string>> = {
    crash: `the model ends its process: ${how}`,
    hang: 'the model does not come to an end',
    memory: 'the model eats the memory',
  };
  const signature = kind === 'crash' ? `crash-${slug(how.toLowerCase())}` : kind;
  return makeViolation(kind, signature, summaries[kind], how);
}

/** The violation of a process that ended once and not when its work was done again. */
export function unrepeatedDeathViolation(how: string, task: number): Violation {
  const summary = `a worker ended with ${how} in task ${task}, and not when the task was run again; the input is the first of that task`;
  return makeViolation('crash', `crash-${slug(how.toLowerCase())}-once`, summary, how);
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
