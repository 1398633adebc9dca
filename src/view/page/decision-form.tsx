import { useState } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import { isNoFault } from '../../objectives/objective.ts';
import type { FaultState } from '../../triage/fault-status.ts';
import type { CampaignStatus, FaultRow } from '../protocol.ts';
import { postJson } from './api.ts';
import { Select } from './fault-list.tsx';
import type { LiveAction } from './live-state.ts';

/** Longest note, as the server takes it. */
const MAX_CHARACTERS = 4_000;

const STATE_TEXTS: readonly (readonly [FaultState, string])[] = [
  ['new', 'new: not looked at'],
  ['known', 'known: reported, fails no run'],
  ['ignored', 'ignored: never fails a run'],
  ['fixed', 'fixed: new if it is found again'],
];

/** State and note of a fault, which are written to the baseline. */
export function DecisionForm({
  campaign: { key, baseline },
  fault: { signature, state: savedState, note: savedNote = '', isDecided },
  isReadOnly,
  dispatch,
}: {
  readonly campaign: CampaignStatus;
  readonly fault: FaultRow;
  readonly isReadOnly: boolean;
  readonly dispatch: (action: LiveAction) => void;
}) {
  // What the user has changed and not saved; a decision from elsewhere does not undo it.
  const [draft, setDraft] = useState<{ readonly state?: FaultState; readonly note?: string }>({});
  const [outcome, setOutcome] = useState('');
  const { state = savedState, note = savedNote } = draft;
  if (isReadOnly || isNoFault(signature)) return null;
  if (baseline === null)
    return (
      <p class="soft">
        States and notes cannot be changed: --against names a campaign. Start neurofuzz view with a baseline
        file, or without --against.
      </p>
    );
  const isChanged = state !== savedState || note.trim() !== savedNote;
  const save = async (): Promise<void> => {
    setOutcome('Saving…');
    try {
      const status = await postJson<CampaignStatus>('decisions', { campaign: key, signature, state, note });
      dispatch({ kind: 'campaign', status });
      setDraft({});
      setOutcome('');
    } catch (error) {
      setOutcome(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <form
      class="decision"
      aria-label="state and note"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <Select
        label="State"
        value={state}
        options={STATE_TEXTS}
        onChange={(value) => setDraft({ ...draft, state: value as FaultState })}
      />
      {state === 'new' ? null : (
        <label class="note">
          Note
          <textarea
            rows={2}
            maxlength={MAX_CHARACTERS}
            value={note}
            onInput={({ currentTarget }) => setDraft({ ...draft, note: currentTarget.value })}
          />
        </label>
      )}
      <button type="submit" disabled={!isChanged}>
        Save
      </button>
      <span class="soft" role="status">
        {outcome !== ''
          ? escapeControl(outcome)
          : `${isDecided ? 'Saved in' : 'Kept in'} ${escapeControl(baseline)}`}
      </span>
    </form>
  );
}
