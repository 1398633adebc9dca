import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { validateXML } from 'xmllint-wasm';

const SCHEMAS = 'test/fixtures/schemas';

/** What OASIS' schema says against a SARIF file; empty for a good one. */
export function sarifFaults(text: string): string[] {
  const schema = JSON.parse(readFileSync(join(SCHEMAS, 'sarif-2.1.0.json'), 'utf8'));
  const validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
  validate(JSON.parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** What Jenkins' schema says against a JUnit file; empty for a good one. */
export async function junitFaults(text: string): Promise<string[]> {
  const { errors } = await validateXML({
    xml: [{ fileName: 'report.xml', contents: text }],
    schema: [{ fileName: 'junit.xsd', contents: readFileSync(join(SCHEMAS, 'junit.xsd'), 'utf8') }],
  });
  return errors.map(({ message }) => message);
}
