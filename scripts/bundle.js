// Bundles the scripts of processes: opening hundreds of modules takes a process longer than all else it does at its start.
// What is imported only when it is needed stays in chunks of its own.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Scripts by their names in dist/processes/, with the modules that they start at. */
const SCRIPTS = {
  main: 'cli/main.js',
  'fuzz-service': 'workers/services/fuzz-service.js',
  'model-service': 'workers/services/model-service.js',
  'rerun-service': 'workers/services/rerun-service.js',
  'doctor-service': 'workers/services/doctor-service.js',
  'campaign-service': 'testing/campaign-service.js',
  watchdog: 'workers/watchdog.js',
};

/** Packages that load files of their own, or are large and seldom needed: they stay in node_modules. */
const EXTERNAL = [
  '@huggingface/tokenizers',
  '@tensorflow/*',
  'bullmq',
  'hnswlib-node',
  'ioredis',
  'msgpackr',
  'onnxruntime-node',
  'pino',
  'prom-client',
  'sharp',
];

const FOLDER = 'dist/processes';

/** Names of files that the bundles consist of. */
const written = new Set();

// Each script has chunks of its own: in shared ones it would open ten times as many, most of which hold little.
for (const [out, module] of Object.entries(SCRIPTS)) {
  const { metafile } = await build({
    entryPoints: [{ out, in: `dist/src/${module}` }],
    outdir: FOLDER,
    metafile: true,
    bundle: true,
    splitting: true,
    chunkNames: `${out}/[name]-[hash]`,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    // CommonJS packages that are bundled require modules of Node.js.
    banner: {
      js: "import { createRequire as nodeRequire } from 'node:module'; const require = nodeRequire(import.meta.url);",
    },
    legalComments: 'eof',
    logLevel: 'warning',
  });
  for (const path of Object.keys(metafile.outputs)) written.add(path);
}

/** Imports of the page are dropped where nothing of them is used: some modules that it shares with commands import Node.js. */
const droppable = {
  name: 'droppable',
  setup({ onResolve, resolve }) {
    onResolve({ filter: /./ }, async ({ path, pluginData, kind, ...rest }) => {
      if (pluginData === droppable || kind === 'entry-point') return undefined;
      const isBundled = /^(?:\.|preact|d3-|internmap|@panzoom\/)/.test(path);
      if (!isBundled) return { path, external: true, sideEffects: false };
      return { ...(await resolve(path, { kind, ...rest, pluginData: droppable })), sideEffects: false };
    });
  },
};

// The page of `neurofuzz view`, for browsers.
const page = await build({
  entryPoints: [{ out: 'view-page', in: 'dist/src/view/page/main.js' }],
  outdir: FOLDER,
  metafile: true,
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  plugins: [droppable],
  legalComments: 'eof',
  logLevel: 'warning',
});
for (const [path, { imports }] of Object.entries(page.metafile.outputs)) {
  written.add(path);
  if (imports.length > 0)
    throw new Error(
      `the page of view would import ${imports.map((item) => item.path).join(', ')}, which no browser has`,
    );
}

// Jest without flags runs CommonJS alone.
await build({
  entryPoints: {
    index: 'dist/src/index.js',
    jest: 'dist/src/testing/jest.js',
    matchers: 'dist/src/testing/matchers.js',
  },
  outdir: 'dist/require',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: EXTERNAL,
  define: { 'import.meta.url': 'moduleAddress' },
  banner: { js: "const moduleAddress = require('node:url').pathToFileURL(__filename).href;" },
  legalComments: 'eof',
  logLevel: 'warning',
});

for (const name of readdirSync(FOLDER, { recursive: true })) {
  const path = join(FOLDER, name);
  if (/\.js$/.test(name) && !written.has(path.replaceAll('\\', '/'))) rmSync(path);
}
