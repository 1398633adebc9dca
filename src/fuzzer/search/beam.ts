import { MAX_MARGIN } from './search-goal.ts';

/** One search state of a beam: the corpus entry that its next mutants are made from. */
export interface BeamSlot {
  /** Index of the corpus entry; below 0 until a mutant was kept for the slot. */
  entry: number;
  margin: number;
  /** Mutants since the last improvement. */
  tries: number;
  /** The mutation strength that last brought it nearer; absent while none has. */
  strength?: number;
  /** Halvings that fine steps gained since the tries were last set to 0. */
  gained?: number;
}

/** Slots of a beam. */
export const BEAM_WIDTH = 3;

/** Mutants without an improvement after which a slot restarts from another entry, unless it is the closest of its beam. */
const MAX_STALE_MUTANTS = 512;

/** Halvings that count as an improvement: at a local optimum fine steps gain ever less, and never nothing. */
export const MIN_GAIN = 0.1;

/** A beam none of whose slots has begun. */
export function makeBeam(): BeamSlot[] {
  return Array.from({ length: BEAM_WIDTH }, makeSlot);
}

export function makeSlot(): BeamSlot {
  return { entry: -1, margin: MAX_MARGIN, tries: 0 };
}

/**
 * Moves a slot on to an entry with a smaller margin. Its tries start again, unless fine steps gained next to nothing.
 *
 * @param strength of the steps that led there; 0 for other mutators
 */
export function advanceSlot(slot: BeamSlot, entry: number, margin: number, strength = 0): void {
  const gained = (slot.gained ?? 0) + slot.margin - margin;
  slot.entry = entry;
  slot.margin = margin;
  if (strength > 0) {
    slot.strength = strength;
    slot.gained = gained;
    if (gained < MIN_GAIN) return;
  }
  slot.tries = 0;
  delete slot.gained;
}

export function isStale({ tries }: BeamSlot): boolean {
  return tries > MAX_STALE_MUTANTS;
}

/** Index of the slot with the smallest margin, the first of several. */
export function closestSlot(slots: readonly BeamSlot[]): number {
  return slots.reduce((closest, { margin }, i) => (margin < slots[closest].margin ? i : closest), 0);
}

/** The slot with the largest margin, the first of several. */
export function farthestSlot(slots: readonly BeamSlot[]): BeamSlot {
  return slots.reduce((farthest, slot) => (slot.margin > farthest.margin ? slot : farthest));
}

/** Restarts stale slots, all but the closest: that one is the beam's progress. */
export function restartStaleSlots(slots: BeamSlot[]): void {
  const closest = closestSlot(slots);
  slots.forEach((slot, i) => {
    if (i !== closest && isStale(slot)) slots[i] = makeSlot();
  });
}
