import { escapeControl } from '../../core/escape-control.ts';

/** Characters of context on each side of the marked span. */
const CONTEXT_CHARACTERS = 24;

const [OPEN, CLOSE] = ['»', '«'];

/** One-line excerpt of an answer around the span `[from, to)`, which is marked by » and «; long spans lose their middle. */
export function makeExcerpt(answer: string, from = 0, to = answer.length): string {
  const before = [...answer.slice(0, from)];
  const after = [...answer.slice(to)];
  const span = [...answer.slice(from, to)];
  const middle =
    span.length <= 3 * CONTEXT_CHARACTERS
      ? span.join('')
      : `${span.slice(0, CONTEXT_CHARACTERS).join('')} … ${span.slice(-CONTEXT_CHARACTERS).join('')}`;
  const left = `${before.length > CONTEXT_CHARACTERS ? '…' : ''}${before.slice(-CONTEXT_CHARACTERS).join('')}`;
  const right = `${after.slice(0, CONTEXT_CHARACTERS).join('')}${after.length > CONTEXT_CHARACTERS ? '…' : ''}`;
  return `"${escapeControl(left)}${OPEN}${escapeControl(middle)}${CLOSE}${escapeControl(right)}"`;
}

/**
 * Prompt and answer of a violation as text with the violating span marked.
 *
 * @param details `Violation.details`
 * @returns undefined if the details hold no prompt and answer
 */
export function markText({
  prompt,
  answer,
  from,
  to,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof prompt !== 'string' || typeof answer !== 'string') return undefined;
  const isMarked = typeof from === 'number' && typeof to === 'number';
  const shown = isMarked
    ? [answer.slice(0, from), OPEN, answer.slice(from, to), CLOSE, answer.slice(to)].map(escapeLines).join('')
    : escapeLines(answer);
  return `prompt:\n${escapeLines(prompt)}\n\nanswer:\n${shown}\n`;
}

/** Escapes control characters but keeps line breaks. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeControl).join('\n');
}
