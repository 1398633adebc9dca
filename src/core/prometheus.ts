import { createServer } from 'node:http';
import { Counter, Gauge, Registry } from 'prom-client';
import { fileError, UserError } from './errors.ts';

/** Address on which the metrics endpoint listens. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** One sample. Names begin with `neurofuzz_`; a name that ends in `_total` is a counter, any other a gauge. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

export function makeMetric(name: string, help: string, value: number): Metric {
  return { name: `neurofuzz_${name}`, help, value };
}

/**
 * Parses `9464` (loopback only) or `0.0.0.0:9464`.
 *
 * @throws UserError if the port is missing or out of range
 */
export function parseMetricsAddress(text: string): MetricsAddress {
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65_535)
    throw new UserError(
      `--metrics must be a port such as 9464, or 0.0.0.0:9464 to serve other machines; not ${text}`,
    );
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

/**
 * Serves metrics over HTTP at `/metrics` until closed; does not keep the process alive.
 *
 * @param read samples the metrics; called for each request
 * @throws UserError if the port is in use
 */
export async function serveMetrics(
  { host, port }: MetricsAddress,
  read: () => readonly Metric[],
): Promise<{ close(): void }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    const registry = buildRegistry(read());
    registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(fileError(error, 'serve metrics at', `${host}:${port}`)));
    server.listen(port, host, resolve);
  });
  server.unref();
  return { close: () => void server.close() };
}

function buildRegistry(metrics: readonly Metric[]): Registry {
  const registry = new Registry();
  for (const { name, help, value } of metrics) {
    const settings = { name, help, registers: [registry] };
    if (name.endsWith('_total')) new Counter(settings).inc(value);
    else new Gauge(settings).set(value);
  }
  return registry;
}
