import { createLogUpdate } from 'log-update';
import { type RedrawnArea, setRedrawnArea } from './write-above.ts';

/** A stream that may be a terminal: standard error, or a test's. */
export type TerminalStream = NodeJS.WritableStream & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

/** Columns of a terminal that does not tell its width. */
const DEFAULT_COLUMNS = 80;

/** Whether a text can be redrawn in place there: on a terminal that knows cursor codes. */
export function canRedraw(stream: TerminalStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

/** Columns of a terminal. */
export function columnsOf({ columns }: TerminalStream): number {
  return columns === undefined || columns < 1 ? DEFAULT_COLUMNS : columns;
}

/** The last lines of a terminal, which are redrawn in place while other output is printed above them. */
export class LiveArea implements RedrawnArea {
  readonly #draw: ReturnType<typeof createLogUpdate>;
  #text = '';
  #isDone = false;

  constructor(stream: TerminalStream) {
    this.#draw = createLogUpdate(stream as NodeJS.WriteStream);
    setRedrawnArea(this);
  }

  /** Replaces the text. */
  draw(text: string): void {
    if (this.#isDone) return;
    this.#text = text;
    this.#draw(text);
  }

  writeAbove(write: () => void): void {
    const isShown = !this.#isDone && this.#text !== '';
    if (isShown) this.#draw.clear();
    write();
    if (isShown) this.#draw(this.#text);
  }

  /** Removes the text; later output starts on a clean line. May be called repeatedly. */
  finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#draw.clear();
    this.#draw.done();
    setRedrawnArea(undefined);
  }
}
