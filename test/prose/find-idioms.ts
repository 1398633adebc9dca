import type { Idiom } from './idioms.ts';

/** A place where a text has an idiom. */
export interface FoundIdiom {
  /** Line of the text, from 1. */
  readonly line: number;
  /** The words that were found. */
  readonly words: string;
  readonly instead: string;
}

const sourceOf = ({ pattern }: Idiom): string => pattern.replaceAll(' ', '\\s+');

const expressions = new WeakMap<Idiom, RegExp>();

function expressionOf(idiom: Idiom): RegExp {
  const known = expressions.get(idiom);
  if (known !== undefined) return known;
  const expression = new RegExp(sourceOf(idiom), 'giu');
  expressions.set(idiom, expression);
  return expression;
}

const unions = new WeakMap<readonly Idiom[], RegExp>();

/** An expression that matches wherever one of the idioms does: most texts have none. */
function unionOf(idioms: readonly Idiom[]): RegExp {
  const known = unions.get(idioms);
  if (known !== undefined) return known;
  const union = new RegExp(idioms.map((idiom) => `(?:${sourceOf(idiom)})`).join('|'), 'iu');
  unions.set(idioms, union);
  return union;
}

/** All idioms of a text that begins on line `firstLine`. */
export function findIdioms(text: string, idioms: readonly Idiom[], firstLine = 1): FoundIdiom[] {
  if (!unionOf(idioms).test(text)) return [];
  return idioms.flatMap((idiom) =>
    [...text.matchAll(expressionOf(idiom))].map((match) => ({
      line: firstLine + text.slice(0, match.index).split('\n').length - 1,
      words: match[0].replace(/\s+/g, ' '),
      instead: idiom.instead,
    })),
  );
}
