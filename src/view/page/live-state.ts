import { useEffect, useReducer } from 'preact/hooks';
import {
  type CampaignStatus,
  decodeMessage,
  type JobView,
  type ViewState,
  type ViewUpdate,
} from '../protocol.ts';

/** What the page knows, kept up to date by the server. */
export interface LiveState {
  readonly view: ViewState | undefined;
  readonly isConnected: boolean;
  /** Faults that were found while the page is open, for screen readers and the heading of the window. */
  readonly announcement: string;
}

export type LiveAction =
  | { readonly kind: 'state'; readonly state: ViewState }
  | { readonly kind: 'update'; readonly update: ViewUpdate }
  | { readonly kind: 'campaign'; readonly status: CampaignStatus }
  | { readonly kind: 'job'; readonly job: JobView }
  | { readonly kind: 'disconnected' };

export const INITIAL_STATE: LiveState = { view: undefined, isConnected: false, announcement: '' };

export function reduceState(state: LiveState, action: LiveAction): LiveState {
  const { view } = state;
  if (action.kind === 'disconnected') return { ...state, isConnected: false };
  if (action.kind === 'state') return { ...state, view: action.state, isConnected: true };
  if (view === undefined) return state;
  switch (action.kind) {
    case 'job': {
      const jobs = [...view.jobs.filter(({ id }) => id !== action.job.id), action.job];
      return { ...state, view: { ...view, jobs: jobs.sort((a, b) => a.id - b.id) } };
    }
    case 'campaign': {
      const campaigns = view.campaigns.map((status) =>
        status.key === action.status.key ? action.status : status,
      );
      return { ...state, view: { ...view, campaigns } };
    }
    case 'update': {
      const { changed, order } = action.update;
      const known = new Map([...view.campaigns, ...changed].map((status) => [status.key, status]));
      const campaigns = order.flatMap((key) => known.get(key) ?? []);
      const found = newSignatures(view.campaigns, campaigns);
      const announcement =
        found.length === 0
          ? state.announcement
          : `New: ${found.slice(0, 3).join(', ')}${found.length > 3 ? `, and ${found.length - 3} more` : ''}`;
      return { ...state, announcement, view: { ...view, campaigns } };
    }
  }
}

/** Signatures that a campaign has now and had not before. */
function newSignatures(before: readonly CampaignStatus[], now: readonly CampaignStatus[]): string[] {
  return now.flatMap(({ key, faults }) => {
    const known = before.find((status) => status.key === key)?.faults ?? [];
    return faults
      .filter(({ signature }) => !known.some((fault) => fault.signature === signature))
      .map(({ signature }) => signature);
  });
}

function openEvents(dispatch: (action: LiveAction) => void): EventSource {
  const source = new EventSource('api/events');
  const on = (event: string, handle: (message: unknown) => void): void =>
    source.addEventListener(event, ({ data }: MessageEvent<string>) => handle(decodeMessage(data)));
  on('state', (message) => dispatch({ kind: 'state', state: message as ViewState }));
  on('update', (message) => dispatch({ kind: 'update', update: message as ViewUpdate }));
  on('job', (message) => dispatch({ kind: 'job', job: message as JobView }));
  source.addEventListener('error', () => dispatch({ kind: 'disconnected' }));
  return source;
}

/** Follows the events of the server while the page is seen; the browser connects anew where the connection breaks. */
export function useLiveState(): readonly [LiveState, (action: LiveAction) => void] {
  const [state, dispatch] = useReducer(reduceState, INITIAL_STATE);
  useEffect(() => {
    let source: EventSource | undefined;
    // Browsers open six connections to a server: pages that nobody sees leave theirs to the others.
    const follow = (): void => {
      source?.close();
      source = document.hidden ? undefined : openEvents(dispatch);
    };
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      source?.close();
    };
  }, []);
  return [state, dispatch];
}
