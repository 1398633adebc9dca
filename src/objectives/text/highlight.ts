import { visible } from '../../core/escape-control.ts';

/** Characters shown before and behind what is marked, on one line. */
const AROUND = 24;

const [OPEN, CLOSE] = ['»', '«'];

/** The part of an answer that breaks a rule, marked, with some of what stands around it, on one line. */
export function excerpt(answer: string, from = 0, to = answer.length): string {
  const before = [...answer.slice(0, from)];
  const behind = [...answer.slice(to)];
  const own = [...answer.slice(from, to)];
  const middle =
    own.length <= 3 * AROUND
      ? own.join('')
      : `${own.slice(0, AROUND).join('')} … ${own.slice(-AROUND).join('')}`;
  const left = `${before.length > AROUND ? '…' : ''}${before.slice(-AROUND).join('')}`;
  const right = `${behind.slice(0, AROUND).join('')}${behind.length > AROUND ? '…' : ''}`;
  return `"${visible(left)}${OPEN}${visible(middle)}${CLOSE}${visible(right)}"`;
}

/** Prompt and answer for people to read, with what breaks the rule marked; undefined where a violation is of no text. */
export function markedText({
  prompt,
  answer,
  from,
  to,
}: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof prompt !== 'string' || typeof answer !== 'string') return undefined;
  const isMarked = typeof from === 'number' && typeof to === 'number';
  const shown = isMarked
    ? [answer.slice(0, from), OPEN, answer.slice(from, to), CLOSE, answer.slice(to)].map(lines).join('')
    : lines(answer);
  return `prompt:\n${lines(prompt)}\n\nanswer:\n${shown}\n`;
}

/** As it stands, with what would act or hide written out. */
function lines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
