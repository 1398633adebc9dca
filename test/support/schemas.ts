import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { validateXML } from 'xmllint-wasm';

const SCHEMAS = 'test/fixtures/schemas';

const LENIENT = { strict: false, validateFormats: false, allErrors: true } as const;

/** What a schema says against something; empty where it passes. */
function faults(ajv: Ajv | Ajv2020, { $schema: _, ...schema }: { $schema?: string }, one: unknown): string[] {
  const validate = ajv.compile(schema);
  validate(one);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const schemaIn = (name: string) => JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8'));

/** What OASIS' schema says against a SARIF file; empty for a good one. */
export function sarifFaults(text: string): string[] {
  return faults(new Ajv2020(LENIENT), schemaIn('sarif-2.1.0.json'), JSON.parse(text));
}

/** What the Compose specification says against a file of its kind, parsed; empty for a good one. */
export function composeFaults(file: unknown): string[] {
  return faults(new Ajv(LENIENT), schemaIn('compose.json'), file);
}

/** What Jenkins' schema says against a JUnit file; empty for a good one. */
export async function junitFaults(text: string): Promise<string[]> {
  const { errors } = await validateXML({
    xml: [{ fileName: 'report.xml', contents: text }],
    schema: [{ fileName: 'junit.xsd', contents: readFileSync(join(SCHEMAS, 'junit.xsd'), 'utf8') }],
  });
  return errors.map(({ message }) => message);
}
