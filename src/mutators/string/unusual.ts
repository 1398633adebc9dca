import { codePointsOf } from '../../tensor/strings.ts';
import { openGap, type TokenBody } from '../token/body.ts';
import { makeStringMutator, setString } from './string-mutator.ts';

/** Whole strings that data has in place of a value. */
const PLACEHOLDERS = [
  '',
  ' ',
  '?',
  '-',
  '0',
  '-1',
  'nan',
  'NaN',
  'None',
  'null',
  'NULL',
  'NA',
  'N/A',
  'other',
  'unknown',
];

/**
 * Characters that look like nothing or like others, or that software treats in its own way: no-break space, zero-width
 * space, combining acute, dotted and dotless i, sharp s, byte order mark, right-to-left override, a letter beyond 16 bits.
 */
const PECULIAR = [
  0xa0, 0x200b, 0x301, 0x130, 0x131, 0xdf, 0xfeff, 0x202e, 0x1d400, 0x1f600, 0x22, 0x27, 0x2c, 0x5c, 0x9, 0xa,
];

const SPACE = 0x20;

/** Letters whose other case is known: those of Latin, Greek and Cyrillic. */
const CASED_LETTERS = 0x530;

const UPPER = caseTable((letter) => letter.toUpperCase());
const LOWER = caseTable((letter) => letter.toLowerCase());

/** Strings that data holds now and then and that nobody thought of: empty, blank, in another case, very long. */
export const unusual = makeStringMutator(
  {
    name: 'unusual',
    help: 'makes a string empty, blank, null, unknown or long, changes its case, or adds spaces or rare characters',
    source: 'Big List of Naughty Strings (Woolf 2015); interesting values of AFL (config.h), for strings',
    mayChangeMeaning: true,
    cost: 6,
  },
  (_, { alphabet }) => {
    const placeholders = PLACEHOLDERS.map(codePointsOf);
    return (body, { context: { random }, width }) => {
      const { ids, length } = body;
      switch (random.below(8)) {
        case 0:
          setString(body, placeholders[random.below(placeholders.length)]);
          return;
        case 1: {
          const isUpper = random.below(2) === 0;
          changeCase(body, isUpper ? UPPER : LOWER, length);
          return;
        }
        case 2:
          changeCase(body, UPPER, 1);
          return;
        case 3:
          insertAt(body, 0, SPACE);
          return;
        case 4:
          insertAt(body, length, SPACE);
          return;
        case 5:
          insertAt(body, random.below(length + 1), PECULIAR[random.below(PECULIAR.length)]);
          return;
        case 6: {
          // A string that no list holds.
          body.length = 1 + random.below(Math.min(width, 12));
          for (let i = 0; i < body.length; i++) ids[i] = alphabet[random.below(alphabet.length)];
          return;
        }
        default: {
          const period = Math.max(1, length);
          if (length === 0) ids[0] = alphabet[random.below(alphabet.length)];
          for (let i = period; i < width; i++) ids[i] = ids[i - period];
          body.length = width;
        }
      }
    };
  },
);

function insertAt(body: TokenBody, at: number, character: number): void {
  openGap(body, at, 1);
  body.ids[at] = character;
}

function changeCase({ ids, length }: TokenBody, table: Uint32Array, count: number): void {
  for (let i = 0; i < Math.min(count, length); i++) if (ids[i] < CASED_LETTERS) ids[i] = table[ids[i]];
}

/** The other case of each letter; of one that has none of a single character, itself. */
function caseTable(convert: (letter: string) => string): Uint32Array {
  return Uint32Array.from({ length: CASED_LETTERS }, (_, code) => {
    const converted = codePointsOf(convert(String.fromCodePoint(code)));
    return converted.length === 1 ? converted[0] : code;
  });
}
