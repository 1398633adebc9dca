import { create } from 'xmlbuilder2';
import { escapeControl } from '../core/escape-control.ts';

/** How a check ended. */
export type CheckOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed' | 'error' | 'skipped'; readonly message: string; readonly details?: string };

/** One check: a test case of JUnit. */
export interface Check {
  /** What belongs together: JUnit's class name. */
  readonly group: string;
  readonly name: string;
  readonly outcome: CheckOutcome;
  readonly seconds?: number;
}

const ELEMENT_NAMES = { failed: 'failure', error: 'error' } as const;

/** Checks as JUnit XML, as CI systems read it (the schema of Jenkins' xunit plug-in). What would act or hide in a text is written out. */
export function junitXml(suite: string, checks: readonly Check[]): string {
  const count = (kind: CheckOutcome['kind']): number =>
    checks.filter(({ outcome }) => outcome.kind === kind).length;
  const totals = {
    tests: checks.length,
    failures: count('failed'),
    errors: count('error'),
    skipped: count('skipped'),
    time: secondsText(checks.reduce((sum, { seconds: own = 0 }) => sum + own, 0)),
  };
  const document = create({ version: '1.0', encoding: 'UTF-8' });
  const { skipped: _skipped, ...all } = totals;
  const root = document
    .ele('testsuites', { name: escapeControl(suite), ...all })
    .ele('testsuite', { name: escapeControl(suite), ...totals });
  for (const { group, name, outcome, seconds: own = 0 } of checks) {
    const one = root.ele('testcase', {
      classname: escapeControl(group),
      name: escapeControl(name),
      time: secondsText(own),
    });
    if (outcome.kind === 'passed') continue;
    const { message, details = '' } = outcome;
    const lines = (text: string): string => text.split('\n').map(escapeControl).join('\n');
    // Older schemas let a skipped case have a text alone.
    if (outcome.kind === 'skipped')
      one.ele('skipped').txt(lines([message, details].filter(Boolean).join('\n')));
    else one.ele(ELEMENT_NAMES[outcome.kind], { message: escapeControl(message) }).txt(lines(details));
  }
  return `${document.end({ prettyPrint: true })}\n`;
}

function secondsText(number: number): string {
  return number.toFixed(3);
}
