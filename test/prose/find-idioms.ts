import type { Idiom } from './idioms.ts';

/** A place where a text has an idiom. */
export interface FoundIdiom {
  /** Line of the text, from 1. */
  readonly line: number;
  /** The words that were found. */
  readonly words: string;
  readonly instead: string;
}

const expressions = new WeakMap<Idiom, RegExp>();

function expressionOf(idiom: Idiom): RegExp {
  const known = expressions.get(idiom);
  if (known !== undefined) return known;
  const made = new RegExp(idiom.pattern.replaceAll(' ', '\\s+'), 'giu');
  expressions.set(idiom, made);
  return made;
}

/** All idioms of a text that begins on line `firstLine`. */
export function findIdioms(text: string, idioms: readonly Idiom[], firstLine = 1): FoundIdiom[] {
  return idioms.flatMap((idiom) =>
    [...text.matchAll(expressionOf(idiom))].map((match) => ({
      line: firstLine + text.slice(0, match.index).split('\n').length - 1,
      words: match[0].replace(/\s+/g, ' '),
      instead: idiom.instead,
    })),
  );
}
