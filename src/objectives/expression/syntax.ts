import jsep from 'jsep';
import { suggestName } from '../../core/did-you-mean.ts';
import { UserError } from '../../core/errors.ts';

/** An expression as it was written, taken apart. */
export type ExpressionNode =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'tensor'; readonly name: string }
  | { readonly kind: 'element'; readonly of: ExpressionNode; readonly index: number }
  | { readonly kind: 'negative'; readonly of: ExpressionNode }
  | {
      readonly kind: 'arithmetic';
      readonly operator: ArithmeticOperator;
      readonly left: ExpressionNode;
      readonly right: ExpressionNode;
    }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly of: readonly ExpressionNode[] }
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: ExpressionNode;
      readonly right: ExpressionNode;
    }
  | { readonly kind: 'and' | 'or'; readonly left: ExpressionNode; readonly right: ExpressionNode }
  | { readonly kind: 'not'; readonly of: ExpressionNode };

export const ARITHMETIC_OPERATORS = ['+', '-', '*', '/', '%', '^'] as const;
export type ArithmeticOperator = (typeof ARITHMETIC_OPERATORS)[number];

export const COMPARISON_OPERATORS = ['<', '<=', '>', '>=', '==', '!='] as const;
export type ComparisonOperator = (typeof COMPARISON_OPERATORS)[number];

/** Functions of each value by itself. */
export const ELEMENTWISE_FUNCTIONS = [
  'abs',
  'sqrt',
  'exp',
  'log',
  'log2',
  'log10',
  'sin',
  'cos',
  'tan',
  'tanh',
  'sigmoid',
  'floor',
  'ceil',
  'round',
  'sign',
] as const;

/** Functions of all values of a testcase, which give one. */
export const REDUCING_FUNCTIONS = ['sum', 'mean', 'std', 'norm', 'argmax', 'argmin', 'size'] as const;

/** Functions of all values of a testcase where there is one argument, and of each pair of values where there are two. */
export const REDUCING_OR_PAIRWISE_FUNCTIONS = ['min', 'max'] as const;

/** Functions along the last axis. */
export const LAST_AXIS_FUNCTIONS = ['softmax'] as const;

/** Functions of conditions. */
export const QUANTIFIERS = ['all', 'any'] as const;

export const FUNCTIONS = [
  ...ELEMENTWISE_FUNCTIONS,
  ...REDUCING_FUNCTIONS,
  ...REDUCING_OR_PAIRWISE_FUNCTIONS,
  ...LAST_AXIS_FUNCTIONS,
  ...QUANTIFIERS,
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, inf: Number.POSITIVE_INFINITY };

/** Characters of the longest expression: what is longer is no expression of a person's. */
const MAX_CHARACTERS = 4000;

// The library is one for the whole process, and nobody else uses it: it is to know these operators alone.
jsep.removeAllBinaryOps();
jsep.removeAllUnaryOps();
for (const [operator, precedence] of Object.entries({
  or: 1,
  '||': 1,
  and: 2,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
}))
  jsep.addBinaryOp(operator, precedence);
jsep.addBinaryOp('^', 7, true);
for (const operator of ['-', '+', '!', 'not']) jsep.addUnaryOp(operator);

/**
 * Parses an expression. The library only parses; nothing of it is ever run.
 *
 * @param where what the expression is, for messages
 * @throws UserError where it is none, showing the place
 */
export function parseExpression(where: string, text: string): ExpressionNode {
  if (text.trim() === '')
    throw new UserError(`${where}: write what must hold, as assert:max(abs(logits)) < 50`);
  if (text.length > MAX_CHARACTERS)
    throw new UserError(
      `${where}: the expression has ${text.length} characters, more than ${MAX_CHARACTERS}`,
    );
  let parsed: jsep.Expression;
  try {
    parsed = jsep(text);
  } catch (error) {
    const { description, index } = error as { readonly description?: string; readonly index?: number };
    if (index === undefined) throw new UserError(`${where}: the expression is nested too deep`);
    throw new UserError(`${where}: ${lowerFirst(description ?? '')} ${describePosition(text, index)}`);
  }
  const syntax = new ExpressionReader(where, text).read(parsed);
  if (!isCondition(syntax))
    throw new UserError(
      `${where}: ${formatExpression(syntax)} is a number: compare it with something, as ${formatExpression(syntax)} < 1`,
    );
  return syntax;
}

/** Shows a place in a text. */
function describePosition(text: string, index: number): string {
  const at = Math.min(index, text.length);
  const before = text.slice(Math.max(0, at - 24), at);
  const after = text.slice(at, at + 24);
  return `at character ${at + 1}, here: ${before}»${after}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Whether it is true or false, not a number. */
export function isCondition(syntax: ExpressionNode): boolean {
  const { kind } = syntax;
  if (kind === 'call') return QUANTIFIERS.some((name) => name === syntax.name);
  return kind === 'comparison' || kind === 'and' || kind === 'or' || kind === 'not';
}

/** Turns what the library read into what we know, and refuses all else. */
class ExpressionReader {
  readonly #errorPrefix: string;
  readonly #text: string;

  constructor(where: string, text: string) {
    this.#errorPrefix = where;
    this.#text = text;
  }

  read(given: jsep.Expression): ExpressionNode {
    const node = given as jsep.CoreExpression;
    switch (node.type) {
      case 'Literal':
        if (typeof node.value === 'number') return { kind: 'number', value: node.value };
        if (typeof node.value === 'string') return { kind: 'tensor', name: node.value };
        return this.#refuse(`${node.raw} is no number`, node.raw);
      case 'Identifier': {
        const { name } = node;
        return Object.hasOwn(CONSTANTS, name)
          ? { kind: 'number', value: CONSTANTS[name] }
          : { kind: 'tensor', name };
      }
      case 'MemberExpression':
        return this.#readMember(node);
      case 'UnaryExpression':
        return this.#readUnary(node);
      case 'BinaryExpression':
        return this.#readBinary(node);
      case 'CallExpression':
        return this.#readCall(node);
      case 'Compound':
      case 'SequenceExpression':
        return this.#refuse('there are two expressions: join them with and', undefined);
      default:
        return this.#refuse(`there is something that means nothing here (${node.type})`, undefined);
    }
  }

  #readMember({ computed, object, property }: jsep.MemberExpression): ExpressionNode {
    const of = this.read(object);
    if (!computed && of.kind === 'tensor' && property.type === 'Identifier')
      // Names of tensors have dots in them.
      return { kind: 'tensor', name: `${of.name}.${property.name as string}` };
    const index = this.read(property);
    if (!computed || index.kind !== 'number' || !Number.isInteger(index.value) || index.value < 0)
      return this.#refuse(
        `${formatExpression(of)}[…] takes a whole number from 0: which element, along the first axis`,
        '[',
      );
    return { kind: 'element', of: this.#requireNumber(of), index: index.value };
  }

  #readUnary({ operator, argument }: jsep.UnaryExpression): ExpressionNode {
    const of = this.read(argument);
    if (operator === '-') return { kind: 'negative', of: this.#requireNumber(of) };
    if (operator === '+') return this.#requireNumber(of);
    if (!isCondition(of))
      return this.#refuse(
        `not takes a condition and ${formatExpression(of)} is a number: write not (a < b)`,
        operator,
      );
    return { kind: 'not', of };
  }

  #readBinary({ operator, left, right }: jsep.BinaryExpression): ExpressionNode {
    const [a, b] = [this.read(left), this.read(right)];
    const comparison = COMPARISON_OPERATORS.find((one) => one === operator);
    if (comparison !== undefined) {
      const isChain = a.kind === 'comparison' || (a.kind === 'and' && a.right.kind === 'comparison');
      if (isChain) {
        // 0 <= p <= 1 is 0 <= p and p <= 1.
        const last = (a.kind === 'comparison' ? a : a.right) as Extract<
          ExpressionNode,
          { kind: 'comparison' }
        >;
        const next = {
          kind: 'comparison',
          operator: comparison,
          left: last.right,
          right: this.#requireNumber(b),
        } as const;
        return { kind: 'and', left: a, right: next };
      }
      return {
        kind: 'comparison',
        operator: comparison,
        left: this.#requireNumber(a),
        right: this.#requireNumber(b),
      };
    }
    const arithmetic = ARITHMETIC_OPERATORS.find((one) => one === operator);
    if (arithmetic !== undefined) {
      if (arithmetic === '^' && a.kind === 'negative')
        return this.#refuse('say whether the minus comes first: write -(a ^ b), or (0 - a) ^ b', '^');
      return {
        kind: 'arithmetic',
        operator: arithmetic,
        left: this.#requireNumber(a),
        right: this.#requireNumber(b),
      };
    }
    const kind = operator === 'and' || operator === '&&' ? 'and' : 'or';
    for (const one of [a, b])
      if (!isCondition(one))
        return this.#refuse(`${kind} joins conditions and ${formatExpression(one)} is a number`, operator);
    return { kind, left: a, right: b };
  }

  #readCall({ callee, arguments: given }: jsep.CallExpression): ExpressionNode {
    if (callee.type !== 'Identifier') return this.#refuse('only functions can be called', '(');
    const called = callee.name as string;
    const name = FUNCTIONS.find((one) => one === called);
    if (name === undefined)
      return this.#refuse(`there is no function ${called}: ${suggestName(called, FUNCTIONS)}`, called);
    const most = REDUCING_OR_PAIRWISE_FUNCTIONS.some((one) => one === name) ? 2 : 1;
    if (given.length < 1 || given.length > most)
      return this.#refuse(`${name} takes ${most === 1 ? 'one argument' : 'one argument or two'}`, called);
    const of = given.map((one) => this.read(one));
    if (!QUANTIFIERS.some((one) => one === name))
      return { kind: 'call', name, of: of.map((one) => this.#requireNumber(one)) };
    if (!isCondition(of[0]))
      return this.#refuse(`${name} takes a condition and ${formatExpression(of[0])} is a number`, called);
    return { kind: 'call', name, of };
  }

  #requireNumber(syntax: ExpressionNode): ExpressionNode {
    return isCondition(syntax)
      ? this.#refuse(`${formatExpression(syntax)} is a condition where a number is wanted`, undefined)
      : syntax;
  }

  /** @param word where in the text, if that is known */
  #refuse(why: string, word: string | undefined): never {
    const at = word === undefined ? -1 : this.#text.indexOf(word);
    throw new UserError(
      `${this.#errorPrefix}: ${why}${at < 0 ? '' : ` ${describePosition(this.#text, at)}`}`,
    );
  }
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;

/** An expression as people write it. */
export function formatExpression(syntax: ExpressionNode): string {
  switch (syntax.kind) {
    case 'number':
      return syntax.value === Number.POSITIVE_INFINITY ? 'inf' : String(syntax.value);
    case 'tensor':
      return IDENTIFIER.test(syntax.name) ? syntax.name : JSON.stringify(syntax.name);
    case 'element':
      return `${formatOperand(syntax.of)}[${syntax.index}]`;
    case 'negative':
      return `-${formatOperand(syntax.of)}`;
    case 'not':
      return `not (${formatExpression(syntax.of)})`;
    case 'call':
      return `${syntax.name}(${syntax.of.map(formatExpression).join(', ')})`;
    case 'comparison':
      return `${formatOperand(syntax.left)} ${syntax.operator} ${formatOperand(syntax.right)}`;
    case 'and':
    case 'or':
      return [syntax.left, syntax.right]
        .map((one, i) => {
          const isApart =
            one.kind === 'or' ? syntax.kind === 'and' || i === 1 : one.kind === 'and' && i === 1;
          return isApart ? `(${formatExpression(one)})` : formatExpression(one);
        })
        .join(` ${syntax.kind} `);
    default:
      return `${formatOperand(syntax.left)} ${syntax.operator} ${formatOperand(syntax.right)}`;
  }
}

function formatOperand(syntax: ExpressionNode): string {
  const isSimple = ['number', 'tensor', 'element', 'call'].includes(syntax.kind);
  return isSimple ? formatExpression(syntax) : `(${formatExpression(syntax)})`;
}

/** Names of the tensors that it speaks of, each once. */
export function tensorNamesIn(syntax: ExpressionNode): string[] {
  const names = new Set<string>();
  const visit = (one: ExpressionNode): void => {
    if (one.kind === 'tensor') names.add(one.name);
    else if (one.kind === 'call') one.of.forEach(visit);
    else if ('of' in one) visit(one.of);
    else if ('left' in one) {
      visit(one.left);
      visit(one.right);
    }
  };
  visit(syntax);
  return [...names];
}
