/** Exit codes of all commands; 130 and 143 are 128 plus the number of the signal. */
export const EXIT = {
  done: 0,
  findings: 1,
  request: 2,
  machine: 3,
  interrupted: 130,
  terminated: 143,
} as const;
