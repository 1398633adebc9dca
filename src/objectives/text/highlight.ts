import { escapeControl } from '../../core/escape-control.ts';

/** Characters shown before and behind what is marked, on one line. */
const CONTEXT_CHARACTERS = 24;

const [OPEN, CLOSE] = ['»', '«'];

/** The part of an answer that breaks a rule, marked, with some of what stands around it, on one line. */
export function makeExcerpt(answer: string, from = 0, to = answer.length): string {
  const before = [...answer.slice(0, from)];
  const behind = [...answer.slice(to)];
  const own = [...answer.slice(from, to)];
  const middle =
    own.length <= 3 * CONTEXT_CHARACTERS
      ? own.join('')
      : `${own.slice(0, CONTEXT_CHARACTERS).join('')} … ${own.slice(-CONTEXT_CHARACTERS).join('')}`;
  const left = `${before.length > CONTEXT_CHARACTERS ? '…' : ''}${before.slice(-CONTEXT_CHARACTERS).join('')}`;
  const right = `${behind.slice(0, CONTEXT_CHARACTERS).join('')}${behind.length > CONTEXT_CHARACTERS ? '…' : ''}`;
  return `"${escapeControl(left)}${OPEN}${escapeControl(middle)}${CLOSE}${escapeControl(right)}"`;
}

/** Prompt and answer for people to read, with what breaks the rule marked; undefined where a violation is of no text. */
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

/** As it stands, with what would act or hide written out. */
function escapeLines(text: string): string {
  return text.split('\n').map(escapeControl).join('\n');
}
