import swc from '@swc/jest';

/**
 * Globals that code computes with. Jest gives each test file a global object of its own, and looks a name up in it each time, which takes
 * several times as long as what is computed; each module keeps those that it names.
 */
const NAMES = [
  ...[
    'Array',
    'ArrayBuffer',
    'BigInt',
    'Boolean',
    'DataView',
    'Infinity',
    'JSON',
    'Map',
    'Math',
    'NaN',
    'Number',
    'Object',
  ],
  ...[
    'Set',
    'String',
    'Int8Array',
    'Int16Array',
    'Int32Array',
    'BigInt64Array',
    'Uint8Array',
    'Uint8ClampedArray',
  ],
  ...['Uint16Array', 'Uint32Array', 'BigUint64Array', 'Float32Array', 'Float64Array', 'undefined'],
];

function prelude(code) {
  const used = NAMES.filter((name) => new RegExp(`(?<![.\\w$])${name}\\b`).test(code));
  return used
    .filter(
      (name) =>
        !new RegExp(`\\b(?:const|let|var|class|function|import|as)\\s+(?:\\{[^}]*)?${name}\\b`).test(code),
    )
    .map((name) => (name === 'undefined' ? '' : `const ${name} = globalThis.${name};`))
    .join('');
}

export default {
  createTransformer(options) {
    const inner = swc.createTransformer(options);
    const extend = (result) => ({ ...result, code: prelude(result.code) + result.code });
    return {
      ...inner,
      process: (...args) => extend(inner.process(...args)),
      processAsync: async (...args) => extend(await inner.processAsync(...args)),
    };
  },
};
