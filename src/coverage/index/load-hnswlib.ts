import { createRequire } from 'node:module';
import type hnswlib from 'hnswlib-node';
import { errorMessage, MachineError } from '../../core/errors.ts';

/** How to get what node-gyp compiles the index with, by the system's name. */
const TOOLS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'Python 3, make and a C++ compiler (on Debian and Ubuntu: apt-get install python3 make g++)',
  darwin: 'the command line tools of Xcode (xcode-select --install) and Python 3',
  win32: 'the Visual Studio Build Tools with C++, and Python 3',
};

/**
 * Loads the neighbour index, which npm compiles when it installs neurofuzz. Without a compiler npm leaves it out in silence.
 *
 * @param load loads a package by its name
 * @throws MachineError that says what to install, where it is missing or was compiled for another Node.js
 */
export function loadHnswlib(
  load: (name: string) => unknown = createRequire(import.meta.url),
): typeof hnswlib {
  try {
    return load('hnswlib-node') as typeof hnswlib;
  } catch (error) {
    const tools = TOOLS[process.platform] ?? 'Python 3, make and a C++ compiler';
    throw new MachineError(
      `the neighbour index hnswlib-node does not load (${errorMessage(error)}): npm compiles it. Install ${tools}, then install neurofuzz again, with install scripts allowed`,
    );
  }
}
