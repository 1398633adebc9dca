/** Abstract syntax tree of an expression. */
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

/** Functions applied to each value. */
const ELEMENTWISE_FUNCTIONS = [
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

/** Functions that reduce all values of a testcase to one number. */
const REDUCING_FUNCTIONS = ['sum', 'mean', 'std', 'norm', 'argmax', 'argmin', 'size'] as const;

/** Functions that reduce one argument, or combine two arguments value by value. */
export const REDUCING_OR_PAIRWISE_FUNCTIONS = ['min', 'max'] as const;

/** Functions along the last axis. */
const LAST_AXIS_FUNCTIONS = ['softmax'] as const;

/** Functions that reduce a condition over all values of a testcase. */
export const QUANTIFIERS = ['all', 'any'] as const;

export const FUNCTIONS = [
  ...ELEMENTWISE_FUNCTIONS,
  ...REDUCING_FUNCTIONS,
  ...REDUCING_OR_PAIRWISE_FUNCTIONS,
  ...LAST_AXIS_FUNCTIONS,
  ...QUANTIFIERS,
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Whether an expression has a truth value, not a number. */
export function isCondition(syntax: ExpressionNode): boolean {
  const { kind } = syntax;
  if (kind === 'call') return QUANTIFIERS.some((name) => name === syntax.name);
  return kind === 'comparison' || kind === 'and' || kind === 'or' || kind === 'not';
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*$/;

/** Source text of an expression, normalized. */
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
        .map((operand, i) => {
          const needsParentheses =
            operand.kind === 'or' ? syntax.kind === 'and' || i === 1 : operand.kind === 'and' && i === 1;
          return needsParentheses ? `(${formatExpression(operand)})` : formatExpression(operand);
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

/** Distinct names of the tensors in an expression, in order of appearance. */
export function tensorNamesIn(syntax: ExpressionNode): string[] {
  const names = new Set<string>();
  const visit = (node: ExpressionNode): void => {
    if (node.kind === 'tensor') names.add(node.name);
    else if (node.kind === 'call') node.of.forEach(visit);
    else if ('of' in node) visit(node.of);
    else if ('left' in node) {
      visit(node.left);
      visit(node.right);
    }
  };
  visit(syntax);
  return [...names];
}
