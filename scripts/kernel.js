// `npm run kernel`: compiles the .wat files into the -binary.ts files beside them.
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const KERNELS = [
  {
    wat: 'src/mutators/simd/kernel.wat',
    binary: 'src/mutators/simd/kernel-binary.ts',
    name: 'KERNEL_BASE64',
  },
  {
    wat: 'src/expression/reduce.wat',
    binary: 'src/expression/reduce-binary.ts',
    name: 'REDUCE',
  },
];

const { parseWat } = await wabt();
for (const { wat, binary, name } of KERNELS) {
  const file = wat.split('/').at(-1);
  const module = parseWat(file, readFileSync(new URL(`../${wat}`, import.meta.url), 'utf8'), { simd: true });
  const base64 = Buffer.from(module.toBinary({}).buffer).toString('base64');
  const text = base64.replace(/.{1,100}/g, (part) => `  '${part}',\n`);
  writeFileSync(
    new URL(`../${binary}`, import.meta.url),
    `/** ${file} as WebAssembly, in base64; made by \`npm run kernel\`. */\nexport const ${name} = [\n${text}].join('');\n`,
  );
}
