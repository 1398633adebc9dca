import { Document, isScalar, visit } from 'yaml';
import { escapeControl, escapeControlInJson, hasControl } from '../core/escape-control.ts';

type Settings = Readonly<Record<string, unknown>>;

/** No line is folded: names keep their line feeds as escapes. */
const YAML_LINES = {
  lineWidth: 0,
  flowCollectionPadding: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
};

/** YAML with lists of numbers and words in one line. */
function yamlText(settings: object): string {
  const document = new Document(settings);
  visit(document, {
    Seq(_, list) {
      if (list.items.every(isScalar)) list.flow = true;
    },
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && hasControl(scalar.value)) scalar.type = 'QUOTE_DOUBLE';
    },
  });
  // Double-quoted scalars have the escapes of JSON, and no other holds such characters.
  return escapeControlInJson(document.toString(YAML_LINES).trimEnd());
}

/**
 * Comment lines and, below them, settings.
 *
 * @param active settings as they are in force
 * @param guesses settings as they are without being written: they follow as comments
 */
export function section(comment: string, active: Settings, guesses: Settings = {}): string {
  // Names come from the model: nothing in them may end a comment.
  const lines = comment.split('\n').map((line) => `# ${escapeControl(line)}`.trimEnd());
  return [...lines, ...yamlLines(active), ...guessLines(active, guesses)].join('\n');
}

function yamlLines(settings: Settings): string[] {
  const defined = Object.entries(settings).filter(([, value]) => value !== undefined);
  return defined.length === 0 ? [] : yamlText(Object.fromEntries(defined)).split('\n');
}

/** Settings as comments. Of a setting that is in force for other inputs, the inputs alone follow, so that one # less suffices. */
function guessLines(active: Settings, guesses: Settings): string[] {
  return Object.entries(guesses).flatMap(([key, value]) => {
    if (value === undefined || (isMapping(value) && Object.keys(value).length === 0)) return [];
    const lines = yamlLines({ [key]: value });
    const rest = active[key] !== undefined && isMapping(value) ? lines.slice(1) : lines;
    return rest.map((line) => `# ${line}`);
  });
}

function isMapping(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
