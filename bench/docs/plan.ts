import type { PageCommand } from './page-commands.ts';
import {
  DIGIT_FILES,
  HALF_FILES,
  LATENT_FILES,
  LAYER_FILES,
  LOSS_FILES,
  type SandboxFiles,
  TEXT_FILES,
} from './sandbox.ts';

/** A command that is not run, and why. */
interface Exception {
  readonly pattern: RegExp;
  readonly reason: string;
}

/** Commands that cannot be run here. A pattern that fits no command fails the check. */
export const EXCEPTIONS: readonly Exception[] = [
  { pattern: /^npm (?:start|test|run)\b|^CI=1 npm test/, reason: 'npm scripts of a clone: the suite itself' },
  { pattern: /^NEUROFUZZ_\w+=\S+ /, reason: 'an npm script of a clone' },
  { pattern: /--queue redis:/, reason: 'needs a Redis at that address; test/cli/queue.test.ts runs a queue' },
  { pattern: /systemctl/, reason: 'changes the units of the user; the unit files are tested' },
  { pattern: /\bdetector\.onnx|\bsegmenter\.onnx|\branker\.onnx/, reason: 'no such model is bundled' },
  { pattern: /\bscores\.onnx|\bsets\.onnx|\bpeople\.npy/, reason: 'no such model is bundled' },
  { pattern: /\bneurofuzz view\b/, reason: 'serves until it is stopped; test/view opens its pages' },
];

/** Which files stand for the reader's own. */
export function sandboxFiles(page: string, command: string): SandboxFiles {
  if (page === 'docs/half-precision.md' && command.includes('half.onnx')) return HALF_FILES;
  if (page === 'docs/layers.md' || command.includes('sagan.onnx')) return LAYER_FILES;
  if (page === 'docs/text.md') return TEXT_FILES;
  if (page === 'docs/latent.md') return LATENT_FILES;
  if (command.includes('model.json')) return LOSS_FILES;
  if (/label=none/.test(command)) return LOSS_FILES;
  if (['README.md', 'docs/tutorial.md', 'docs/triage.md', 'docs/report.md', 'docs/distill.md'].includes(page))
    return LOSS_FILES;
  return DIGIT_FILES;
}

/** Mutants after which a campaign ends that a page would let run for minutes. */
const MAX_EXECS = 3000;

/**
 * The command with a limit on its work where it has none that is small. Commands of a page that are alternatives would use one
 * campaign folder.
 */
export function limited({ text }: PageCommand): string {
  if (/neurofuzz minimize /.test(text)) return `${text} --tries 200`;
  if (/neurofuzz train-latent /.test(text)) return `${text} --steps 100 --overwrite`;
  if (!/neurofuzz fuzz /.test(text)) return text;
  const isResumed = / --resume/.test(text);
  const folder = isResumed || / --out /.test(text) ? '' : ' --overwrite';
  const execs = / --until-finding/.test(text) ? '' : ` --execs ${isResumed ? 2 * MAX_EXECS : MAX_EXECS}`;
  return `${text}${folder}${execs}`;
}

/** Campaign files and nightly files of a page, with times that a check can wait for. */
export const shortened = (yaml: string): string =>
  yaml.replace(/^time: .*$/gm, 'time: 40s').replace(/^( *)minExecs: .*$/gm, '$1minExecs: 10');
