import jsep from 'jsep';
import { suggestName } from '../core/did-you-mean.ts';
import { UserError } from '../core/errors.ts';

import {
  ARITHMETIC_OPERATORS,
  COMPARISON_OPERATORS,
  type ExpressionNode,
  FUNCTIONS,
  formatExpression,
  isCondition,
  QUANTIFIERS,
  REDUCING_OR_PAIRWISE_FUNCTIONS,
} from './syntax.ts';

const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, inf: Number.POSITIVE_INFINITY };

/** Longest expression in characters; guards the recursive parser. */
const MAX_CHARACTERS = 4000;

// jsep has one global grammar per process, which only this file uses: replace its operators by ours.
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
 * Parses an expression. jsep only parses: no code of the expression is executed.
 *
 * @param errorPrefix begins error messages
 * @throws UserError on a syntax error, showing its position
 */
export function parseExpression(errorPrefix: string, text: string): ExpressionNode {
  if (text.trim() === '')
    throw new UserError(
      `${errorPrefix}: write the condition that must hold, such as assert:max(abs(logits)) < 50`,
    );
  if (text.length > MAX_CHARACTERS)
    throw new UserError(
      `${errorPrefix}: the expression has ${text.length} characters, more than ${MAX_CHARACTERS}`,
    );
  let parsed: jsep.Expression;
  try {
    parsed = jsep(text);
  } catch (error) {
    const { description, index } = error as { readonly description?: string; readonly index?: number };
    if (index === undefined) throw new UserError(`${errorPrefix}: the expression is nested too deep`);
    throw new UserError(`${errorPrefix}: ${lowerFirst(description ?? '')} ${describePosition(text, index)}`);
  }
  const syntax = new ExpressionReader(errorPrefix, text).read(parsed);
  if (!isCondition(syntax))
    throw new UserError(
      `${errorPrefix}: ${formatExpression(syntax)} is a number: compare it with something, such as ${formatExpression(syntax)} < 1`,
    );
  return syntax;
}

/** Position in a text with the characters around it, for error messages. */
function describePosition(text: string, index: number): string {
  const at = Math.min(index, text.length);
  const before = text.slice(Math.max(0, at - 24), at);
  const after = text.slice(at, at + 24);
  return `at character ${at + 1}, here: ${before}»${after}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Converts jsep's syntax tree into `ExpressionNode`s and refuses everything else. */
class ExpressionReader {
  readonly #errorPrefix: string;
  readonly #text: string;

  constructor(errorPrefix: string, text: string) {
    this.#errorPrefix = errorPrefix;
    this.#text = text;
  }

  read(expression: jsep.Expression): ExpressionNode {
    const node = expression as jsep.CoreExpression;
    switch (node.type) {
      case 'Literal':
        if (typeof node.value === 'number') return { kind: 'number', value: node.value };
        if (typeof node.value === 'string') return { kind: 'tensor', name: node.value };
        return this.#refuse(`${node.raw} is not a number`, node.raw);
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
        return this.#refuse(`unexpected syntax (${node.type})`, undefined);
    }
  }

  #readMember({ computed, object, property }: jsep.MemberExpression): ExpressionNode {
    const of = this.read(object);
    if (!computed && of.kind === 'tensor' && property.type === 'Identifier')
      // Tensor names may contain dots.
      return { kind: 'tensor', name: `${of.name}.${String(property.name)}` };
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
    const comparison = COMPARISON_OPERATORS.find((candidate) => candidate === operator);
    if (comparison !== undefined) {
      const last = a.kind === 'and' ? a.right : a;
      if (last.kind === 'comparison') {
        // A chain: 0 <= p <= 1 means 0 <= p and p <= 1.
        const next: ExpressionNode = {
          kind: 'comparison',
          operator: comparison,
          left: last.right,
          right: this.#requireNumber(b),
        };
        return { kind: 'and', left: a, right: next };
      }
      return {
        kind: 'comparison',
        operator: comparison,
        left: this.#requireNumber(a),
        right: this.#requireNumber(b),
      };
    }
    const arithmetic = ARITHMETIC_OPERATORS.find((candidate) => candidate === operator);
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
    for (const operand of [a, b])
      if (!isCondition(operand))
        return this.#refuse(
          `${kind} joins conditions and ${formatExpression(operand)} is a number`,
          operator,
        );
    return { kind, left: a, right: b };
  }

  #readCall({ callee, arguments: args }: jsep.CallExpression): ExpressionNode {
    if (callee.type !== 'Identifier') return this.#refuse('only functions can be called', '(');
    const called = String(callee.name);
    const name = FUNCTIONS.find((candidate) => candidate === called);
    if (name === undefined)
      return this.#refuse(`there is no function ${called}: ${suggestName(called, FUNCTIONS)}`, called);
    const maxArguments = REDUCING_OR_PAIRWISE_FUNCTIONS.some((candidate) => candidate === name) ? 2 : 1;
    if (args.length < 1 || args.length > maxArguments)
      return this.#refuse(
        `${name} takes ${maxArguments === 1 ? 'one argument' : 'one argument or two'}`,
        called,
      );
    const of = args.map((argument) => this.read(argument));
    if (!QUANTIFIERS.some((candidate) => candidate === name))
      return { kind: 'call', name, of: of.map((argument) => this.#requireNumber(argument)) };
    if (!isCondition(of[0]))
      return this.#refuse(`${name} takes a condition and ${formatExpression(of[0])} is a number`, called);
    return { kind: 'call', name, of };
  }

  #requireNumber(syntax: ExpressionNode): ExpressionNode {
    return isCondition(syntax)
      ? this.#refuse(`${formatExpression(syntax)} is a condition where a number is expected`, undefined)
      : syntax;
  }

  /** @param word text at the error's position; undefined if that is unknown */
  #refuse(reason: string, word: string | undefined): never {
    const at = word === undefined ? -1 : this.#text.indexOf(word);
    throw new UserError(
      `${this.#errorPrefix}: ${reason}${at < 0 ? '' : ` ${describePosition(this.#text, at)}`}`,
    );
  }
}
