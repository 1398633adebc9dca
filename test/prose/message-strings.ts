import { parseSync } from '@swc/core';

/** A text in the code that a user may read. */
export interface MessageString {
  /** Line of the file, from 1. */
  readonly line: number;
  /** The text; `{}` stands for each expression in it. */
  readonly text: string;
}

/** The fields of syntax nodes that are read here. */
interface SyntaxNode {
  readonly type?: string;
  readonly span?: { readonly start: number };
  readonly value?: unknown;
  readonly quasis?: readonly { readonly cooked?: string; readonly raw: string }[];
}

/** Texts of one word are names, keys and data types. */
const hasWords = (text: string): boolean => /\p{L}.*\s.*\p{L}/su.test(text);

function textOf(node: SyntaxNode): string | undefined {
  if ((node.type === 'StringLiteral' || node.type === 'JSXText') && typeof node.value === 'string')
    return node.value;
  if (node.type === 'TemplateLiteral') return node.quasis?.map(({ cooked, raw }) => cooked ?? raw).join('{}');
  return undefined;
}

/** Line, from 1, of each position in the bytes of a text, asked in any order. */
function lineCounter(bytes: Uint8Array): (position: number) => number {
  const lineEnds: number[] = [];
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) lineEnds.push(at);
  return (position) => {
    const next = lineEnds.findIndex((end) => end >= position);
    return (next < 0 ? lineEnds.length : next) + 1;
  };
}

/** All string literals, templates and JSX texts of a TypeScript file that hold two words or more. */
export function messageStrings(source: string, isTsx: boolean): MessageString[] {
  const lineOf = lineCounter(Buffer.from(source));
  const found: MessageString[] = [];
  const visit = (value: object): void => {
    const node = value as SyntaxNode;
    const text = typeof node.type === 'string' ? textOf(node) : undefined;
    // Positions are bytes from 1.
    if (text !== undefined && hasWords(text) && node.span !== undefined)
      found.push({ line: lineOf(node.span.start - 1), text });
    for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) visit(child);
  };
  visit(parseSync(source, { syntax: 'typescript', tsx: isTsx, target: 'es2022' }).body);
  return found;
}
