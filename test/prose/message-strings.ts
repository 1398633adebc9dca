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

/** All string literals, templates and JSX texts of a TypeScript file that hold two words or more. */
export function messageStrings(source: string, isTsx: boolean): MessageString[] {
  const bytes = Buffer.from(source);
  const found: MessageString[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (typeof value !== 'object' || value === null) return;
    const node = value as SyntaxNode;
    const text = textOf(node);
    // Positions are bytes from 1.
    if (text !== undefined && hasWords(text) && node.span !== undefined)
      found.push({
        line: bytes
          .subarray(0, node.span.start - 1)
          .toString()
          .split('\n').length,
        text,
      });
    if (!Array.isArray(value)) Object.values(value).forEach(visit);
  };
  visit(parseSync(source, { syntax: 'typescript', tsx: isTsx, target: 'es2022' }).body);
  return found;
}
