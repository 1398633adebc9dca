import { describe, expect, test } from '@jest/globals';
import {
  errorMessage,
  fileError,
  isMachineFailure,
  lostFileError,
  MachineError,
  UserError,
} from '../../src/core/errors.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: raw`), { code });
}

describe('fileError', () => {
  test('is a machine error if the disk is full or fails', () => {
    const error = fileError(systemError('ENOSPC'), 'write', '/out/x');
    expect(error).toBeInstanceOf(MachineError);
    expect(error.message).toBe('cannot write /out/x: the disk is full; free some space and run again');
    expect(fileError(systemError('EIO'), 'write', 'x')).toBeInstanceOf(MachineError);
    expect(fileError(systemError('EMFILE'), 'read', 'x').message).toBe(
      'cannot read x: too many open files; raise the limit with ulimit -n',
    );
  });

  test('is a user error if the path is wrong', () => {
    const error = fileError(systemError('ENOENT'), 'read the seeds', 'seeds.npy');
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe('cannot read the seeds seeds.npy: no such file or folder');
  });

  test('quotes the first line of an unknown error', () => {
    expect(fileError(new Error('odd\nmore'), 'read', 'x').message).toBe('cannot read x: odd');
  });
});

test('of a file that was there before, every error is of the machine', () => {
  const error = lostFileError(systemError('EROFS'), 'write to', '/out/x');
  expect(error).toBeInstanceOf(MachineError);
  expect(error.message).toBe('cannot write to /out/x: the file system is read-only');
});

test('lack of a resource is a failure of the machine, a wrong path and an error of ours are not', () => {
  const codes = ['ENOSPC', 'EMFILE', 'ENOMEM', 'EAGAIN', 'ENOENT', 'EACCES'];
  expect(codes.filter((code) => isMachineFailure(systemError(code)))).toEqual(codes.slice(0, 4));
  expect(isMachineFailure(new Error('EMFILE'))).toBe(false);
});

test('errorMessage is one line, whatever was thrown', () => {
  expect(errorMessage(new Error(' first \nsecond'))).toBe('first');
  expect(errorMessage('text')).toBe('text');
});
