import { useEffect, useRef, useState } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import { isNoFault } from '../../objectives/objective.ts';
import { GraphRendering } from '../../report/html/graph.tsx';
import type { FaultRow, ViewState } from '../protocol.ts';
import { CampaignList } from './campaign-list.tsx';
import { CampaignPanel } from './campaign-panel.tsx';
import type { Choice } from './choice.ts';
import { Comparison } from './comparison.tsx';
import { FaultList } from './fault-list.tsx';
import { FaultPanel } from './fault-panel.tsx';
import { type LiveAction, useLiveState } from './live-state.ts';
import { PannableGraph } from './pannable-graph.tsx';
import { formatRoute, type Route, type Selection, useRoute } from './route.ts';

/** The page. */
export function App() {
  const [{ view, isConnected, announcement }, dispatch] = useLiveState();
  const route = useRoute();
  const [selections, setSelections] = useState<readonly Selection[]>(
    route.kind === 'compare' ? route.selections : [],
  );
  const title = view === undefined ? 'neurofuzz' : `neurofuzz: ${view.title} (${countNew(view)} new)`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  useFocusOnNavigation(formatRoute(route), view !== undefined);
  if (view === undefined) return <p class="loading">Loading…</p>;
  const toggle = (selection: Selection): void =>
    setSelections((before) =>
      before.some((other) => isSame(other, selection))
        ? before.filter((other) => !isSame(other, selection))
        : [...before, selection],
    );
  const isSelected = (selection: Selection): boolean => selections.some((other) => isSame(other, selection));
  const choice = { isSelected, toggle };
  return (
    <GraphRendering.Provider value={PannableGraph}>
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        Skip to the content
      </button>
      <header class="bar">
        <h1>
          <a href="#/">neurofuzz</a>
        </h1>
        <p class="soft">{escapeControl(view.title)}</p>
        <p>{summaryText(view)}</p>
        <p class={isConnected ? 'live' : 'live off'} role="status">
          {isConnected ? 'Live' : 'Not connected: is neurofuzz view still running?'}
        </p>
      </header>
      <p class="hidden" aria-live="polite">
        {announcement}
      </p>
      <div class={`layout ${route.kind === 'list' ? 'at-list' : 'at-content'}`}>
        <nav aria-label="campaigns and faults" class="side">
          <CampaignList campaigns={view.campaigns} route={route} />
          <FaultList campaigns={view.campaigns} route={route} choice={choice} />
        </nav>
        <main id="content" tabindex={-1} class="content">
          {route.kind === 'list' ? null : (
            <p class="back">
              <a href="#/">← All faults</a>
            </p>
          )}
          <Content view={view} route={route} dispatch={dispatch} choice={choice} />
        </main>
      </div>
      {selections.length === 0 || route.kind === 'compare' ? null : (
        <section class="tray" aria-label="comparison">
          <span>{plural(selections.length, 'finding')} selected</span>
          {selections.length < 2 ? (
            <span class="soft">Select another to compare.</span>
          ) : (
            <a class="button" href={formatRoute({ kind: 'compare', selections })}>
              Compare
            </a>
          )}
          <button type="button" onClick={() => setSelections([])}>
            Clear
          </button>
        </section>
      )}
    </GraphRendering.Provider>
  );
}

function Content({
  view,
  route,
  dispatch,
  choice,
}: {
  readonly view: ViewState;
  readonly route: Route;
  readonly dispatch: (action: LiveAction) => void;
  readonly choice: Choice;
}) {
  if (route.kind === 'compare')
    return <Comparison selections={route.selections} campaigns={view.campaigns} />;
  if (route.kind === 'list')
    return <p class="soft placeholder">Choose a fault or a campaign from the list.</p>;
  const campaign = view.campaigns.find(({ key }) => key === route.campaign);
  if (campaign === undefined) return <p>This campaign is not there any more.</p>;
  if (route.kind === 'campaign') return <CampaignPanel key={campaign.key} campaign={campaign} />;
  const { signature, finding } = route;
  return (
    <FaultPanel
      key={`${campaign.key} ${signature}`}
      view={view}
      campaign={campaign}
      signature={signature}
      finding={finding}
      dispatch={dispatch}
      choice={choice}
    />
  );
}

function summaryText(view: ViewState): string {
  const { campaigns } = view;
  const count = faultsOf(view).length;
  const running = campaigns.filter(({ isRunning }) => isRunning).length;
  return `${plural(count, 'fault')}, ${countNew(view)} new, in ${plural(campaigns.length, 'campaign')}${running === 0 ? '' : `, ${running} running`}`;
}

function countNew(view: ViewState): number {
  return faultsOf(view).filter(({ state }) => state === 'new').length;
}

/** All faults but ties, which are none. */
function faultsOf({ campaigns }: ViewState): readonly FaultRow[] {
  return campaigns.flatMap(({ faults }) => faults).filter(({ signature }) => !isNoFault(signature));
}

/** Begins at the top of what a link led to, for the eye and for screen readers; what the page begins with is left as it is. */
function useFocusOnNavigation(address: string, isLoaded: boolean): void {
  const shown = useRef(address);
  useEffect(() => {
    if (!isLoaded || shown.current === address) return;
    shown.current = address;
    document.getElementById('content')?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [address, isLoaded]);
}

function isSame(a: Selection, b: Selection): boolean {
  return a.campaign === b.campaign && a.signature === b.signature && a.finding === b.finding;
}
