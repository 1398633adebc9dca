import { CST, Lexer, LineCounter, parseDocument } from 'yaml';
import { errorMessage, UserError } from '../core/errors.ts';

/** Largest campaign or nightly file in bytes. */
export const MAX_YAML_BYTES = 1 << 20;

/** Limits of a file, far above what settings need; the parser takes quadratic time or overflows the stack beyond. */
const MAX_DEPTH = 64;
const MAX_TOKENS = 200_000;
const MAX_TAGS = 100;

/** Times that aliases may be expanded, and values that a file may come to with them. */
const MAX_ALIASES = 100;
const MAX_VALUES = 100_000;

/**
 * Parses YAML, which JSON is a part of. The file may be a stranger's: time, memory and depth are bounded, and it can't
 * contain itself.
 *
 * @throws UserError naming the file if it is no YAML, or larger or deeper than settings are
 */
export function parseYaml(text: string, path: string): unknown {
  refuseUnboundedNesting(text, path);
  let value: unknown;
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, lineCounter });
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lineCounter.linePos(error.pos[0]);
      throw new UserError(`${path}: ${errorMessage(error)} at line ${line}, column ${col}`);
    }
    refuseRepeatedKeys(document.contents, path);
    value = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${path} is not valid YAML: ${errorMessage(error)}`);
  }
  countValues(value, path);
  return value;
}

/** Bounds the depth of brackets, of indentation and of indicators on one line by the tokens, before they are parsed. */
function refuseUnboundedNesting(text: string, path: string): void {
  let tokens = 0;
  let tags = 0;
  let brackets = 0;
  let indicators = 0;
  let isLineStart = true;
  let indents: number[] = [];
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'newline') {
      isLineStart = true;
      indicators = 0;
      continue;
    }
    if (isLineStart) {
      const indent = type === 'space' ? token.length : 0;
      indents = [...indents.filter((outer) => outer < indent), indent];
      isLineStart = false;
    }
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') indicators++;
    // In brackets, many pairs may stand on one line.
    else if (type === 'map-value-ind' && brackets === 0) indicators++;
    else if (type === 'tag') tags++;
    tokens++;
    if (brackets + indicators + indents.length > MAX_DEPTH)
      throw new UserError(`${path} is nested deeper than ${MAX_DEPTH} levels, which no setting needs`);
    if (tokens > MAX_TOKENS || tags > MAX_TAGS)
      throw new UserError(`${path} is too large for a file of settings: check that you named the right file`);
  }
}

/** A mapping that names a key twice is refused; the parser's own check takes quadratic time. */
function refuseRepeatedKeys(contents: unknown, path: string): void {
  const nodes: unknown[] = [contents];
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    if (typeof node !== 'object' || node === null || !('items' in node) || !Array.isArray(node.items))
      continue;
    const keys = new Set<string>();
    for (const item of node.items as readonly unknown[]) {
      if (typeof item !== 'object' || item === null || !('key' in item)) {
        nodes.push(item);
        continue;
      }
      const pair = item as { readonly key: unknown; readonly value?: unknown };
      const key = String((pair.key as { readonly value?: unknown } | null)?.value ?? pair.key);
      if (keys.has(key)) throw new UserError(`${path} names ${JSON.stringify(key)} twice in one mapping`);
      keys.add(key);
      nodes.push(pair.key, pair.value);
    }
  }
}

/**
 * Counts the values that a file comes to.
 *
 * @throws UserError if there are too many, as of a file that contains itself, or a key is one that objects reserve
 */
function countValues(root: unknown, path: string): void {
  let left = MAX_VALUES;
  const visit = (value: unknown, depth: number): void => {
    if (--left < 0 || depth > MAX_DEPTH)
      throw new UserError(
        `${path} expands without bound by its aliases, or to more than ${MAX_VALUES} values`,
      );
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === '__proto__')
        throw new UserError(
          `${path}: the name __proto__ is reserved and cannot be the name of a setting or an input`,
        );
      visit(inner, depth + 1);
    }
  };
  visit(root, 0);
}
