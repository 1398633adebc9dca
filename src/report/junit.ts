import { create } from 'xmlbuilder2';
import { escapeControl, escapeControlInLines } from '../core/escape-control.ts';

/** Outcome of a check. */
export type CheckOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'error' | 'skipped'; readonly message: string; readonly details?: string };

/** One check, which becomes a JUnit test case. */
export interface Check {
  /** JUnit's class name, by which CI systems group test cases. */
  readonly group: string;
  readonly name: string;
  readonly outcome: CheckOutcome;
  readonly seconds?: number;
}

const ELEMENT_NAMES = { failed: 'failure', error: 'error' } as const;

/**
 * Formats checks as JUnit XML, by the schema of Jenkins' xUnit plug-in. Control and bidirectional characters are escaped.
 *
 * @param properties of the suite
 */
export function junitXml(
  suite: string,
  checks: readonly Check[],
  properties: readonly (readonly [name: string, value: string])[] = [],
): string {
  const count = (kind: CheckOutcome['kind']): number =>
    checks.filter(({ outcome }) => outcome.kind === kind).length;
  const totals = {
    tests: checks.length,
    failures: count('failed'),
    errors: count('error'),
    skipped: count('skipped'),
    time: secondsText(checks.reduce((sum, { seconds = 0 }) => sum + seconds, 0)),
  };
  const document = create({ version: '1.0', encoding: 'UTF-8' });
  const { skipped: _skipped, ...rootTotals } = totals;
  const root = document
    .ele('testsuites', { name: escapeControl(suite), ...rootTotals })
    .ele('testsuite', { name: escapeControl(suite), ...totals });
  if (properties.length > 0) {
    const list = root.ele('properties');
    for (const [name, value] of properties)
      list.ele('property', { name: escapeControl(name), value: escapeControl(value) });
  }
  for (const { group, name, outcome, seconds = 0 } of checks) {
    const testcase = root.ele('testcase', {
      classname: escapeControl(group),
      name: escapeControl(name),
      time: secondsText(seconds),
    });
    if (outcome.kind === 'passed') continue;
    const { message, details = '' } = outcome;
    const lines = (text: string): string => text.split('\n').map(escapeControl).join('\n');
    // In older schemas a skipped test case has a text but no attributes.
    if (outcome.kind === 'skipped')
      testcase.ele('skipped').txt(lines([message, details].filter(Boolean).join('\n')));
    else testcase.ele(ELEMENT_NAMES[outcome.kind], { message: escapeControl(message) }).txt(lines(details));
  }
  return `${escapeControlInLines(document.end({ prettyPrint: true }))}\n`;
}

function secondsText(number: number): string {
  return number.toFixed(3);
}
