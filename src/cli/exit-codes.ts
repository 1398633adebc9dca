/** Exit codes, as DESIGN.md fixes them. */
export const EXIT = {
  done: 0,
  findings: 1,
  request: 2,
  machine: 3,
  interrupted: 130,
  terminated: 143,
} as const;
