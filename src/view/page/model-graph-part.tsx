import { useState } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import { plural } from '../../core/format-number.ts';
import type { GraphView } from '../../report/view-model.ts';
import { PannableGraph } from './pannable-graph.tsx';
import { useFetched } from './use-fetched.ts';

interface ModelGraph {
  readonly graph: GraphView;
  readonly omitted: number;
}

interface Target {
  readonly campaign: string;
  readonly signature: string;
  readonly finding: string;
}

/** The whole graph of the model with the path of a fault, loaded when it is asked for. */
export function ModelGraphPart(target: Target) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details open={isOpen} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>The whole model, with the path of the fault</summary>
      {isOpen ? <LoadedGraph {...target} /> : null}
    </details>
  );
}

function LoadedGraph({ campaign, signature, finding }: Target) {
  const { data, error } = useFetched<ModelGraph>('graph', { campaign, signature, finding }, '');
  if (error !== undefined) return <p class="warning">{escapeControl(error)}</p>;
  if (data === undefined) return <p class="soft">Loading the model…</p>;
  return (
    <>
      {data.omitted === 0 ? null : (
        <p class="soft">{plural(data.omitted, 'operation')} farther from the path are left out.</p>
      )}
      <PannableGraph graph={data.graph} title="the model" id="model-graph" />
    </>
  );
}
