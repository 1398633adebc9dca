/**
 * Runs the built command line within this process: the code that `neurofuzz` runs, without the start of a process for
 * each command. The environment of the tests imports this outside their globals, so it is loaded once for all test files of
 * a worker of Jest.
 */
import fs from 'node:fs';
import { resolve } from 'node:path';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

const LAUNCHER = resolve('bin/neurofuzz.js');
const MAIN = pathToFileURL(resolve('dist/processes/main.js')).href;

/** The file descriptor of standard error, which the logger writes to past the stream. */
const STDERR = 2;

let last = Promise.resolve();

/**
 * Runs a command after those before it are done: streams, arguments and exit code belong to the process.
 *
 * @param {readonly string[]} args as after `neurofuzz`
 */
export function runCommand(args) {
  const run = last.then(() => capture(args));
  last = run.catch(() => {});
  return run;
}

async function capture(args) {
  const { run } = await import(MAIN);
  const { argv, exitCode } = process;
  const [stdout, stderr] = [textStream(), textStream()];
  const restore = [
    replace(process, 'argv', { value: [argv[0], LAUNCHER, ...args] }),
    replace(process, 'stdout', { get: () => stdout }),
    replace(process, 'stderr', { get: () => stderr }),
    replace(fs, 'writeSync', { value: writeSyncTo(stderr, fs.writeSync) }),
  ];
  process.exitCode = undefined;
  try {
    // `--time` counts from the command's start, not from that of Jest.
    await run(process.argv, performance.now());
    return { code: process.exitCode ?? 0, stdout: stdout.text, stderr: stderr.text };
  } finally {
    process.exitCode = exitCode;
    for (const undo of restore.reverse()) undo();
  }
}

/** A stream that keeps what is written. */
function textStream() {
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      stream.text += chunk.toString();
      done();
    },
  });
  stream.text = '';
  return stream;
}

/** `fs.writeSync`, but that what goes to standard error goes to a stream. */
function writeSyncTo(stream, writeSync) {
  return (file, data, ...rest) => {
    if (file !== STDERR) return writeSync(file, data, ...rest);
    stream.text += data.toString();
    return Buffer.byteLength(data);
  };
}

/** Replaces a property; returns what puts it back. */
function replace(object, name, descriptor) {
  const before = Object.getOwnPropertyDescriptor(object, name);
  Object.defineProperty(object, name, { configurable: true, enumerable: true, ...descriptor });
  return () => Object.defineProperty(object, name, before);
}
