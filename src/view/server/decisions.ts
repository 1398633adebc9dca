import { UserError } from '../../core/errors.ts';
import { isNoFault, noFaultReason } from '../../objectives/objective.ts';
import { type KnownFault, MAX_NOTE_CHARACTERS, updateBaseline } from '../../triage/baseline.ts';
import type { CampaignStatus, DecisionRequest } from '../protocol.ts';

/**
 * Writes a person's decision on a fault to the baseline of its campaign.
 *
 * @throws UserError if there is no such fault, it is a tie, the note is too long, or the baseline can't be written
 */
export async function decide(
  { faults, missing, baseline }: CampaignStatus,
  { signature, state, note }: DecisionRequest,
): Promise<void> {
  const fault = [...faults, ...missing].find((candidate) => candidate.signature === signature);
  if (fault === undefined) throw new UserError(`the campaign has no fault ${signature}`);
  if (isNoFault(signature))
    throw new UserError(`${signature} is in no baseline: ${noFaultReason(signature)}`);
  if (baseline === null)
    throw new UserError(
      'states and notes are kept in a baseline, and --against names a campaign: start neurofuzz view with a baseline file, or without --against',
    );
  if (note.length > MAX_NOTE_CHARACTERS)
    throw new UserError(`the note has ${note.length} characters: shorten it to ${MAX_NOTE_CHARACTERS}`);
  const { objective, summary, firstSeen } = fault;
  const decided: KnownFault = { signature, objective, summary, firstSeen, state, note: note.trim() };
  await updateBaseline(baseline, (known) => [
    ...known.filter((entry) => entry.signature !== signature),
    ...(state === 'new' ? [] : [decided]),
  ]);
}
