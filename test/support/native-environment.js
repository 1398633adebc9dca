import { TestEnvironment } from 'jest-environment-node';
import { runCommand } from './command-host.js';

/**
 * Jest gives each test file globals of its own, so an array made by a native module is no instance of the
 * test's Float32Array. Here both share the host's.
 */
const SHARED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Error',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'BigInt64Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Uint32Array',
  'BigUint64Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
];

export default class NativeEnvironment extends TestEnvironment {
  async setup() {
    await super.setup();
    // Float16Array came with Node.js 24.
    for (const name of SHARED) if (name in globalThis) this.global[name] = globalThis[name];
    // A function of this environment: when it ends, Jest takes its properties away.
    this.global.runCommand = (args) => runCommand(args);
  }
}
