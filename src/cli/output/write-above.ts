/** What is redrawn in place at the bottom of the terminal. */
export interface RedrawnArea {
  /** Takes the text away while something is written, so that this stands above it. */
  writeAbove(write: () => void): void;
}

/** The area at this moment: there is one terminal. */
let current: RedrawnArea | undefined;

/** Sets what is redrawn in place from now on; undefined for nothing. */
export function setRedrawnArea(area: RedrawnArea | undefined): void {
  current = area;
}

/** Writes something to the terminal, above what is redrawn in place there. */
export function writeAbove(write: () => void): void {
  if (current === undefined) write();
  else current.writeAbove(write);
}
