import type { Selection } from './route.ts';

/** Which findings are chosen to be compared. */
export interface Choice {
  isSelected(selection: Selection): boolean;
  toggle(selection: Selection): void;
}
