import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UserError } from '../../../src/core/errors.ts';
import { escapeControl } from '../../../src/core/escape-control.ts';
import { Completion } from '../../../src/model/language/completion.ts';
import { makeVocabularyTokenizer } from '../../../src/model/language/tokenizer.ts';
import { codepointVocabulary } from '../../../src/model/language/vocabulary.ts';
import type { JudgedBatch, Violation } from '../../../src/objectives/objective.ts';
import { makeBuiltIn } from '../../../src/objectives/registry.ts';
import { makeExcerpt, markText } from '../../../src/objectives/text/highlight.ts';
import { RULES } from '../../../src/objectives/text/registry.ts';
import { testFolder } from '../../support/folder.ts';

const folder = testFolder();
const language = makeVocabularyTokenizer(codepointVocabulary(Number.POSITIVE_INFINITY));
const units = (text: string): number[] => Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));

/** What a model said; where it ended by itself there is room behind. */
function said(answer: string, prompt = 'So: ', ended = true): Completion {
  return new Completion(language, units(prompt), [...units(answer), ...(ended ? [-1] : [])]);
}

const run = (texts: readonly Completion[]): JudgedBatch => ({
  rows: texts.length,
  inputs: [],
  outputs: [],
  activations: [],
  texts,
});

function judged(spec: string, ...texts: Completion[]): Map<number, Violation> {
  const found = new Map<number, Violation>();
  makeBuiltIn(spec).judge(run(texts), (row, violation) => found.set(row, violation));
  return found;
}

/** The part of an answer that breaks a rule; undefined where none does. */
function offence(spec: string, answer: string | Completion): string | undefined {
  const one = typeof answer === 'string' ? said(answer) : answer;
  const violation = judged(spec, one).get(0);
  if (violation === undefined) return undefined;
  const { from, to } = violation.details as { readonly from?: number; readonly to?: number };
  return from === undefined ? one.answer : one.answer.slice(from, to);
}

const listOf = (...lines: string[]): string => {
  const path = join(folder, `list-${files++}.txt`);
  writeFileSync(path, lines.join('\n'));
  return path;
};
let files = 0;

describe('repeats', () => {
  test('a word in a row, whatever its case, with white space between', () => {
    expect(offence('text:repeated-word', 'He said the  The end.')).toBe('the  The');
    expect(offence('text:repeated-word', 'He said no, no.')).toBeUndefined();
    expect(offence('text:repeated-word', 'the there then other')).toBeUndefined();
    expect(offence('text:repeated-word', "don't don't")).toBe("don't don't");
    expect(offence('text:repeated-word,times=3', 'so so it is so so so')).toBe('so so so');
    expect(judged('text:repeated-word', said('a a')).get(0)?.signature).toBe('text-repeated-word');
  });

  test('not where the prompt begins the word, or the end cuts it off', () => {
    expect(offence('text:repeated-word', said('ing ing it', 'Be'))).toBeUndefined();
    expect(offence('text:repeated-word', said('it is is', 'So ', false))).toBeUndefined();
    expect(offence('text:repeated-word', said('it is is', 'So ', true))).toBe('is is');
  });

  test('a token in a row', () => {
    expect(offence('text:repeated-token,times=4', 'no!!!! yes')).toBe('!!!!');
    expect(offence('text:repeated-token,times=5', 'no!!!! yes')).toBeUndefined();
  });

  test('a loop, with the shortest piece, and not below its length', () => {
    expect(offence('text:repeated-span', 'Well, and so it went and so it went and so it went on')).toBe(
      ' and so it went and so it went and so it went ',
    );
    expect(offence('text:repeated-span', 'ha ha ha ha')).toBeUndefined();
    expect(offence('text:repeated-span,least=8', 'ha ha ha ha')).toBe('ha ha ha ha');
    expect(judged('text:repeated-span,least=8', said('ha ha ha ha')).get(0)?.summary).toMatch(
      /repeats "ha " 3 times/,
    );
  });
});

describe('words', () => {
  test('are found whole, and named by their own signature', () => {
    const spec = `text:words,file=${listOf('# comment', 'sorrow', 'ill  will', 'naïve')}`;
    expect(offence(spec, 'A Sorrow it is')).toBe('Sorrow');
    expect(offence(spec, 'sorrows, unsorrow')).toBeUndefined();
    expect(offence(spec, 'of ill\nwill')).toBe('ill\nwill');
    expect(judged(spec, said('naïve')).get(0)?.signature).toBe('text-words-na_ve');
    expect(judged(spec, said('sorrow')).get(0)?.signature).toBe('text-words-sorrow');
    expect(makeBuiltIn(spec).marginSignatures).toEqual([
      'text-words-sorrow',
      'text-words-ill_will',
      'text-words-na_ve',
    ]);
  });

  test('count only where the prompt does not hold them, they begin in the answer and end there', () => {
    const spec = `text:words,sorrow`;
    expect(offence(spec, said('sorrow again', 'My sorrow: '))).toBeUndefined();
    expect(offence('text:words,prompted=1,sorrow', said('sorrow again', 'My sorrow: '))).toBe('sorrow');
    expect(offence(spec, said('sorrow', 'be'))).toBeUndefined();
    expect(offence(spec, said('in sorrow', 'be ', false))).toBeUndefined();
    expect(offence(spec, said('in sorrow', 'be ', true))).toBe('sorrow');
    expect(offence(spec, said('in sorrow.', 'be ', false))).toBe('sorrow');
  });

  test('fold as asked, and the span is that of the answer itself', () => {
    expect(offence('text:words,fold=none,sorrow', 'Sorrow')).toBeUndefined();
    expect(offence('text:words,sorrow', 'ѕоrrоw')).toBeUndefined();
    expect(offence('text:words,fold=homoglyphs,sorrow', 'so ѕоrrоw 5')).toBe('ѕоrrоw');
    expect(offence('text:words,fold=homoglyphs,sorrow', 'a S0RR0W')).toBe('S0RR0W');
    expect(offence('text:words,fold=homoglyphs,sorrow', 'ｓｏｒｒｏｗ.')).toBe('ｓｏｒｒｏｗ');
    expect(offence('text:words,fold=homoglyphs,file', 'ﬁle')).toBe('ﬁle');
    expect(offence('text:words,whole=0,row', 'sorrows')).toBe('row');
  });

  test('words that are alike for a signature are told apart', () => {
    expect(makeBuiltIn(`text:words,file=${listOf('né', 'nô')}`).marginSignatures).toEqual([
      'text-words-n',
      'text-words-n-2',
    ]);
  });
});

describe('patterns', () => {
  test('match, or must match', () => {
    expect(offence('text:regex,[0-9]{4},x', 'pay 1234,x now')).toBe('1234,x');
    expect(offence('text:regex,flags=i,total', 'The TOTAL')).toBe('TOTAL');
    expect(judged('text:regex,name=card,[0-9]{4}', said('1234')).get(0)?.signature).toBe('text-card');
    expect(offence('text:must-match,^Yes|^No', 'Perhaps')).toBe('Perhaps');
    expect(offence('text:must-match,^Yes|^No', 'No way')).toBeUndefined();
  });

  test('an expression that goes back and forth without end is broken off', () => {
    expect(() => offence('text:regex,^(a+)+$', `${'a'.repeat(40)}!`)).toThrow(
      /\(a\+\)\+\$" does not finish within 1 s/,
    );
  });

  test('JSON is JSON', () => {
    expect(offence('text:json', '{"a": [1]}')).toBeUndefined();
    expect(offence('text:json', '{"a": [1}')).toBe('}');
    expect(offence('text:json', '')).toBe('');
  });
});

test('lengths, nothing, what is no UTF-8, and the prompt said back', () => {
  expect(offence('text:short,least=5', 'four')).toBe('four');
  expect(offence('text:short,least=4', 'four')).toBeUndefined();
  expect(offence('text:long,most=3', 'four')).toBe('r');
  expect(offence('text:empty', ' \n')).toBe(' \n');
  expect(offence('text:utf8', 'a\uFFFDb')).toBe('\uFFFD');
  expect(offence('text:utf8', 'a\uD800b')).toBe('\uD800');
  expect(offence('text:utf8', said('ab\uFFFD', '', false))).toBeUndefined();
  expect(offence('text:utf8', 'a😀b')).toBeUndefined();
  const prompt = 'Tell me of the river. ';
  expect(offence('text:echo', said('Well: Tell me of the river. Yes', prompt))).toBe('Tell me of the river.');
  expect(offence('text:echo', said('me of the river', prompt))).toBeUndefined();
  expect(offence('text:echo,least=10', said('me of the river', prompt))).toBe('me of the river');
  expect(offence('text:echo', said('Yes', 'Yes'))).toBeUndefined();
});

test('a private text is found to the letter, and its words stay out of signature and summary', () => {
  const spec = `text:canary,file=${listOf('key-7431-x', 'Jane Roe')}`;
  const { signature, summary } = judged(spec, said('it is key-7431-x.', 'what? ')).get(0) as Violation;
  expect(signature).toBe('text-canary-1');
  expect(summary).toBe('the answer contains private text 1');
  expect(offence(spec, 'jane roe')).toBeUndefined();
  expect(offence(spec, 'xJane\nRoex')).toBe('Jane\nRoe');
});

test('without a rule, those that nobody wants broken', () => {
  const signatures = [
    ...judged(
      'text',
      said('so so'),
      said(' '),
      said('ab '.repeat(20)),
      said('a\uFFFDb'),
      said('well'),
    ).values(),
  ];
  expect(signatures.map(({ signature }) => signature)).toEqual([
    'text-repeated-word',
    'text-empty',
    'text-repeated-word',
    'text-utf8',
  ]);
});

test('the user names rules', () => {
  expect(judged('text:name=calm,repeated-word', said('so so')).get(0)?.signature).toBe('text-calm');
  expect(judged('text:words,name=sad,sorrow', said('sorrow')).get(0)?.signature).toBe('text-sad-sorrow');
});

test('what is no text to judge is refused', () => {
  const { texts: _texts, ...without } = run([]);
  expect(makeBuiltIn('text').refuses?.(without)).toMatch(/--generate vocabulary=FILE/);
  const narrow = makeVocabularyTokenizer(['a', 'b']);
  const one = new Completion(narrow, [0], [1]);
  expect(makeBuiltIn('text:words,cab').refuses?.(run([one]))).toMatch(
    /lists no text that the vocabulary can write/,
  );
});

test.each([
  ['text:word,x', /text has no rule word: did you mean words/],
  ['text:words', /needs a list/],
  ['text:words,fold=upper,x', /fold must be one of none, case, homoglyphs/],
  [`text:words,file=${join(folder, 'none.txt')}`, /no such file/],
  ['text:regex,[', /fix the regular expression/],
  ['text:regex,flags=g,a', /some of i, m and s/],
  ['text:regex', /needs a regular expression/],
  ['text:short', /needs a bound/],
  ['text:canary,abc', /fewer than 4 characters/],
  ['text:repeated-word,times=1', /from 2 to 1000/],
  ['text:empty,least=3', /has no parameter least/],
])('%s is refused', (spec, message) => {
  expect(() => makeBuiltIn(spec)).toThrow(UserError);
  expect(() => makeBuiltIn(spec)).toThrow(message);
});

test('an empty list is refused', () => {
  expect(() => makeBuiltIn(`text:words,file=${listOf('', '# nothing')}`)).toThrow(/is empty/);
});

test('nothing that a model says acts on a terminal or hides, wherever it is shown', () => {
  const nasty = '\u001b[31mred\u0007 \u202Eevil\u200B\u0085\uD800';
  expect(escapeControl(nasty)).toBe('\\u{1B}[31mred\\u{7} \\u{202E}evil\\u{200B}\\u{85}\\u{D800}');
  const { summary } = judged('text:words,prompted=1,evil', said(`${nasty} evil!`, nasty)).get(0) as Violation;
  const marked = markText({ prompt: nasty, answer: nasty, from: 0, to: 3 }) ?? '';
  for (const shown of [summary, marked.replaceAll('\n', ''), makeExcerpt(nasty, 1, 3)])
    expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), fc.nat(), (text, a, b) => {
      const [from, to] = [a % (text.length + 1), b % (text.length + 1)].sort((x, y) => x - y);
      expect(makeExcerpt(text, from, to)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('rules have names of their own', () => {
  expect(new Set(RULES.list().map(({ name }) => name)).size).toBe(RULES.list().length);
});

test('offences lie within the answer, whatever it is', () => {
  const specs = RULES.list()
    .filter(({ name }) => !['regex', 'must-match', 'short', 'long', 'canary', 'words'].includes(name))
    .map(({ name }) => `text:${name}`);
  const letters = fc.string({
    unit: fc.constantFrom('a', 'b', ' ', '\n', '.', 'é', '\uFFFD'),
    maxLength: 80,
  });
  fc.assert(
    fc.property(letters, letters, fc.boolean(), (answer, prompt, ended) => {
      const one = said(answer, prompt, ended);
      for (const spec of [...specs, 'text:words,fold=homoglyphs,a b', 'text:repeated-span,least=6']) {
        const details = judged(spec, one).get(0)?.details as { from?: number; to?: number } | undefined;
        if (details?.from === undefined) continue;
        expect(details.from).toBeGreaterThanOrEqual(0);
        expect(details.to).toBeLessThanOrEqual(answer.length);
        expect(details.from).toBeLessThanOrEqual(details.to ?? -1);
      }
    }),
    { numRuns: 300 },
  );
});
