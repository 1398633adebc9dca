// `npm run kernel`: compiles src/mutators/kernel.wat into src/mutators/kernel-binary.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const source = new URL('../src/mutators/kernel.wat', import.meta.url);
const target = new URL('../src/mutators/kernel-binary.ts', import.meta.url);
const { parseWat } = await wabt();
const module = parseWat('kernel.wat', readFileSync(source, 'utf8'), { simd: true });
const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
const text = base64.replace(/.{1,100}/g, (part) => `  '${part}',\n`);
writeFileSync(
  target,
  `/** kernel.wat as WebAssembly, in base64; made by \`npm run kernel\`. */\nexport const KERNEL = [\n${text}].join('');\n`,
);
